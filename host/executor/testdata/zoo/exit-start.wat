;; tries: to exit while it starts
;; must: trapped "the guest exited with status 1 during its start" at open
;; in imports
(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
;; in exports
(func $start (call $exit (i32.const 1))) (start $start)
