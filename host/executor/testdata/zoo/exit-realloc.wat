;; tries: to exit in realloc
;; must: trapped "the guest exited with status 7 during the lowering of the job" at run
;; in imports
(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
;; in realloc
(if (i32.eq (local.get 3) (i32.const 26)) ;; the measurements of 13 qubits
 (then (call $exit (i32.const 7))))
