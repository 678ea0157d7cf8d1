;; tries: to exit in the clean-up of a result
;; must: a right result at run
;; in imports
(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
;; in exports
(func (export "cabi_post_coda:executor/executor@0.1.0#run") (param i32) (call $exit (i32.const 0)))
