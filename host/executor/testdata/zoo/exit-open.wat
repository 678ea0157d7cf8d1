;; tries: to exit in open, as if all were well
;; must: trapped "the guest exited with status 0 during open" at open
;; in imports
(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
;; in open
(call $exit (i32.const 0))
