;; tries: to accept and to read from sockets, the one to the node among them
;; must: a right result at run
;; in imports
(import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "sock_recv" (func $recv (param i32 i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "sock_send" (func $send (param i32 i32 i32 i32 i32) (result i32)))
;; in exports
(data (i32.const 2000) "\d8\07\00\00\08\00\00\00")
;; in bad
(local.set 0 (i32.const 64))
(loop $l
  (if (i32.eqz (call $accept (local.get 0) (i32.const 0) (i32.const 2100))) (then unreachable))
  (if (i32.eqz (call $recv (local.get 0) (i32.const 2000) (i32.const 1) (i32.const 0) (i32.const 2100) (i32.const 2104))) (then unreachable))
  (if (i32.eqz (call $send (local.get 0) (i32.const 2000) (i32.const 1) (i32.const 0) (i32.const 2100))) (then unreachable))
  (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
