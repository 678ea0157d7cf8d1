;; tries: to log what is not UTF-8
;; must: invalid "message: is not valid UTF-8" at run
;; in imports
(import "coda:executor/context@0.1.0" "log" (func $log (param i32 i32 i32)))
;; in exports
(data (i32.const 2000) "\c0\80")
;; in bad
(call $log (i32.const 1) (i32.const 2000) (i32.const 2))
