;; tries: a request of 2^28 headers
;; must: invalid "request.headers: " at run
;; grants: hardware
;; in imports
(import "coda:executor/http@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
;; in bad
(call $send (i32.const 100) (i32.const 4) (i32.const 100) (i32.const 4) (i32.const 100) (i32.const 4)
  (i32.const 0) (i32.const 0x10000000) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 2000))
