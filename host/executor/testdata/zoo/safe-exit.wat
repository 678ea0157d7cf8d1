;; tries: a make-safe that exits as if all were well
;; must: trapped "the guest exited with status 0 during make-safe" at open
;; in imports
(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
;; in exports
(func (export "coda:executor/safety@0.1.0#make-safe") (result i32) (call $exit (i32.const 0)) unreachable)
