;; tries: to wait for 2^32-1 events
;; must: a right result at run
;; in imports
(import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
;; in bad
(if (i32.eqz (call $poll (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 2200))) (then unreachable))
