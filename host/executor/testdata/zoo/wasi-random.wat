;; tries: random bytes over all of its memory and more
;; must: a right result at run
;; in imports
(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
;; in bad
(if (i32.eqz (call $random (i32.const 65536) (i32.const -1))) (then unreachable)) (drop (call $random (i32.const 65536) (i32.const 65536)))
