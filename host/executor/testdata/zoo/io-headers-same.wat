;; tries: a request of 4,096 headers of two strings that are the same 1,000 bytes each
;; must: limit "request.headers: its strings are more than this host takes" at run
;; grants: hardware
;; in imports
(import "coda:executor/http@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
;; in bad
(drop (memory.grow (i32.const 1))) (local.set 0 (i32.const 131072))
(loop $l
  (i32.store offset=0 (local.get 0) (i32.const 4096)) (i32.store offset=4 (local.get 0) (i32.const 1000))
  (br_if $l (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 8))) (i32.const 196608))))
(call $send (i32.const 100) (i32.const 4) (i32.const 100) (i32.const 4) (i32.const 100) (i32.const 4)
  (i32.const 131072) (i32.const 4096) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 2000))
