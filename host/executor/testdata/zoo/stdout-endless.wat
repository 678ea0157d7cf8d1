;; tries: to write 16 MiB to its standard output without ending a line
;; must: a right result at run
;; in imports
(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
;; in memory
20
;; in exports
(data (i32.const 2000) "\00\00\01\00\00\00\10\00")
;; in bad
(local.set 0 (i32.const 16)) (loop $l (drop (call $fd_write (i32.const 1) (i32.const 2000) (i32.const 1) (i32.const 2100))) (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
