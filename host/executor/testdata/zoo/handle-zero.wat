;; tries: the handle 0
;; must: invalid "connection: handle 0 is invalid" at run
;; grants: hardware
;; in imports
(import "coda:executor/byte-stream@0.1.0" "[method]connection.read" (func $read (param i32 i32 i32)))
;; in bad
(call $read (i32.const 0) (i32.const 1) (i32.const 2100))
