;; tries: to open and drop a connection 3,000 times
;; must: a right result at run
;; limits: handles = 1
;; grants: hardware
;; in imports
(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
(import "coda:executor/byte-stream@0.1.0" "[resource-drop]connection" (func $drop (param i32)))
;; in bad
(local.set 0 (i32.const 3000))
(loop $more (call $open (i32.const 100) (i32.const 4) (i32.const 2000))
  (if (i32.load8_u (i32.const 2000)) (then unreachable))
  (call $drop (i32.load (i32.const 2004)))
  (br_if $more (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
