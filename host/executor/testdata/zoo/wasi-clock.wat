;; tries: to have the time written beyond its memory
;; must: a right result at run
;; in imports
(import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
;; in bad
(if (i32.eqz (call $clock (i32.const 0) (i64.const 1) (i32.const -4))) (then unreachable))
