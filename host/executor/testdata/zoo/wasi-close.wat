;; tries: to close every descriptor, and then to log
;; must: a right result at run
;; logs: msg=fake
;; in imports
(import "coda:executor/context@0.1.0" "log" (func $log (param i32 i32 i32)))
(import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
;; in bad
(local.set 0 (i32.const 64))
(loop $l
  (drop (call $fd_close (local.get 0)))
  (br_if $l (i32.ge_s (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (i32.const 0))))
(call $log (i32.const 1) (i32.const 100) (i32.const 4))
