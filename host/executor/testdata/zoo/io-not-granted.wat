;; tries: an endpoint that nobody granted it
;; must: a right result at run
;; grants: hardware
;; in imports
(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
;; in exports
(data (i32.const 2200) "safe")
;; in bad
(call $open (i32.const 2200) (i32.const 4) (i32.const 2000))
(if (i32.ne (i32.load16_u (i32.const 2000)) (i32.const 1)) (then unreachable))
(if (i32.load8_u (i32.const 2004)) (then unreachable)) ;; not-granted
