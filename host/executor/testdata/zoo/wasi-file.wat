;; tries: to open /etc/passwd
;; must: a right result at run
;; in imports
(import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
;; in exports
(data (i32.const 2000) "/etc/passwd")
;; in bad
(local.set 0 (i32.const 64)) ;; by whatever descriptor
(loop $l
  (if (i32.eqz (call $path_open (local.get 0) (i32.const 1) (i32.const 2000) (i32.const 11) (i32.const 0) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 2100))) (then unreachable))
  (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
