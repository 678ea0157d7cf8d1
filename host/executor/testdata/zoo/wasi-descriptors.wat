;; tries: to write to the descriptors of the node's process
;; must: a right result at run
;; in imports
(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
;; in exports
(data (i32.const 2000) "\d8\07\00\00\08\00\00\00\ff\ff\ff\ff\ff\ff\ff\ff")
;; in bad
(local.set 0 (i32.const 64))
(loop $l
  (if (i32.eqz (call $fd_write (local.get 0) (i32.const 2000) (i32.const 1) (i32.const 2100))) (then unreachable))
  (br_if $l (i32.gt_u (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (i32.const 2))))
