;; tries: a handle that nobody gave it
;; must: invalid "connection: handle 2 is not open: it was dropped, or never given out" at run
;; grants: hardware
;; in imports
(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
(import "coda:executor/byte-stream@0.1.0" "[method]connection.read" (func $read (param i32 i32 i32)))
;; in bad
(call $open (i32.const 100) (i32.const 4) (i32.const 2000)) (if (i32.load8_u (i32.const 2000)) (then unreachable))
(call $read (i32.const 2) (i32.const 1) (i32.const 2100))
