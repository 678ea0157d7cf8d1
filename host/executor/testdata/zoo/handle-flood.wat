;; tries: to open connections without end
;; must: a right result at run
;; limits: handles = 8
;; grants: hardware
;; in imports
(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
;; in bad
(local.set 0 (i32.const 0))
(loop $more (call $open (i32.const 100) (i32.const 4) (i32.const 2000))
  (local.set 0 (i32.add (local.get 0) (i32.const 1)))
  (br_if $more (i32.eqz (i32.load8_u (i32.const 2000)))))
(if (i32.ne (i32.load8_u (i32.const 2004)) (i32.const 1)) (then unreachable)) ;; busy
(if (i32.gt_u (local.get 0) (i32.const 9)) (then unreachable))
