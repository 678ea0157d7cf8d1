;; tries: to write 100,000 lines to its standard output
;; must: a right result at run
;; logs: were logged too fast and not kept
;; in imports
(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
;; in exports
(data (i32.const 2000) "\d8\07\00\00\05\00\00\00line\0a")
;; in bad
(local.set 0 (i32.const 100000)) (loop $l (drop (call $fd_write (i32.const 1) (i32.const 2000) (i32.const 1) (i32.const 2100))) (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
