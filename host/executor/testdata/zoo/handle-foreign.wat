;; tries: a window as a connection
;; must: invalid "connection: handle 1 is of a window" at run
;; grants: hardware
;; in imports
(import "coda:executor/registers@0.1.0" "[static]window.open" (func $window (param i32 i32 i32)))
(import "coda:executor/byte-stream@0.1.0" "[method]connection.read" (func $read (param i32 i32 i32)))
;; in bad
(call $window (i32.const 100) (i32.const 4) (i32.const 2000)) (call $read (i32.load (i32.const 2004)) (i32.const 1) (i32.const 2100))
