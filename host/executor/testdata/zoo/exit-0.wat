;; tries: to exit in the middle of a job as if all were well
;; must: trapped "the guest exited with status 0 during run" at run
;; in imports
(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
;; in bad
(call $exit (i32.const 0))
