;; tries: to find a folder that was opened for it, beside the standard streams
;; must: a right result at run
;; in imports
(import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
;; in bad
(local.set 0 (i32.const 64))
(loop $l
  (if (i32.eqz (call $prestat (local.get 0) (i32.const 2100))) (then unreachable))
  (br_if $l (i32.gt_u (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (i32.const 2))))
