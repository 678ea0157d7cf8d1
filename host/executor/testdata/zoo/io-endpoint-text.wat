;; tries: an endpoint whose name is not UTF-8
;; must: invalid "endpoint: is not valid UTF-8" at run
;; grants: hardware
;; in imports
(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
;; in exports
(data (i32.const 2200) "\ff\fe")
;; in bad
(call $open (i32.const 2200) (i32.const 2) (i32.const 2000))
