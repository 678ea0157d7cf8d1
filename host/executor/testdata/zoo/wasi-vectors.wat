;; tries: to write 2^28 buffers at once
;; must: a right result at run
;; in imports
(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
;; in bad
(if (i32.eqz (call $fd_write (i32.const 1) (i32.const 0) (i32.const 0x10000000) (i32.const 2100))) (then unreachable))
