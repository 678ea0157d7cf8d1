;; tries: to read without end
;; must: a right result at run
;; limits: io_bytes = "1MiB"
;; grants: hardware
;; in imports
(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
(import "coda:executor/byte-stream@0.1.0" "[method]connection.read" (func $read (param i32 i32 i32)))
;; in bad
(call $open (i32.const 100) (i32.const 4) (i32.const 2000)) (if (i32.load8_u (i32.const 2000)) (then unreachable))
(loop $more
  (global.set $next (i32.const 65536))
  (call $read (i32.const 1) (i32.const 4096) (i32.const 2000))
  (br_if $more (i32.eqz (i32.load8_u (i32.const 2000)))))
(if (i32.ne (i32.load8_u (i32.const 2004)) (i32.const 6)) (then unreachable)) ;; other
