;; tries: to drop a handle twice
;; must: invalid "connection: handle 1 is not open" at run
;; grants: hardware
;; in imports
(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
(import "coda:executor/byte-stream@0.1.0" "[resource-drop]connection" (func $drop (param i32)))
;; in bad
(call $open (i32.const 100) (i32.const 4) (i32.const 2000)) (if (i32.load8_u (i32.const 2000)) (then unreachable))
(call $drop (i32.load (i32.const 2004))) (call $drop (i32.load (i32.const 2004)))
