;; tries: to wait for its standard input
;; must: a right result at run
;; in imports
(import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
;; in exports
(data (i32.const 2000) "\d8\07\00\00\08\00\00\00")
;; in bad
(i32.store (i32.const 2100) (i32.const 0)) (drop (call $fd_read (i32.const 0) (i32.const 2000) (i32.const 1) (i32.const 2100))) (if (i32.load (i32.const 2100)) (then unreachable))
