;; tries: to read the arguments of the node
;; must: a right result at run
;; in imports
(import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
;; in bad
(i32.store (i32.const 2000) (i32.const -1)) (i32.store (i32.const 2004) (i32.const -1))
(drop (call $args (i32.const 2000) (i32.const 2004))) (if (i64.ne (i64.load (i32.const 2000)) (i64.const 0)) (then unreachable))
