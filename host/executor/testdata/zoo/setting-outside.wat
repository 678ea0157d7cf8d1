;; tries: to have a setting written beyond its memory
;; must: invalid "beyond the memory" at run
;; in imports
(import "coda:executor/config@0.1.0" "get" (func $get (param i32 i32 i32)))
;; in bad
(call $get (i32.const 100) (i32.const 4) (i32.const -8))
