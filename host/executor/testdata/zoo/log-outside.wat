;; tries: to log what is beyond its memory
;; must: invalid "message: " at run
;; in imports
(import "coda:executor/context@0.1.0" "log" (func $log (param i32 i32 i32)))
;; in bad
(call $log (i32.const 1) (i32.const -2) (i32.const 4))
