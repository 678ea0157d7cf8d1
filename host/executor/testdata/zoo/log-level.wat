;; tries: to log at a level that there is not
;; must: invalid "level: discriminant 4 is out of range [0, 4)" at run
;; in imports
(import "coda:executor/context@0.1.0" "log" (func $log (param i32 i32 i32)))
;; in bad
(call $log (i32.const 4) (i32.const 100) (i32.const 4))
