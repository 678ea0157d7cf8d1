;; tries: to raise a signal in the process that it runs in
;; must: a right result at run
;; in imports
(import "wasi_snapshot_preview1" "proc_raise" (func $raise (param i32) (result i32)))
;; in bad
(drop (call $raise (i32.const 9)))
