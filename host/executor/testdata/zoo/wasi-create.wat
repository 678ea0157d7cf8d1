;; tries: to create a file, a folder and a link
;; must: a right result at run
;; in imports
(import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_symlink" (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
;; in exports
(data (i32.const 2000) "zoo")
;; in bad
(if (i32.eqz (call $path_open (i32.const 3) (i32.const 0) (i32.const 2000) (i32.const 3) (i32.const 9) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 2100))) (then unreachable))
(if (i32.eqz (call $mkdir (i32.const 3) (i32.const 2000) (i32.const 3))) (then unreachable))
(if (i32.eqz (call $symlink (i32.const 2000) (i32.const 3) (i32.const 3) (i32.const 2000) (i32.const 3))) (then unreachable))
