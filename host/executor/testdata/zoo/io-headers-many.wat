;; tries: a request of 2,000 headers, all empty, which is answered with out-of-range
;; must: a right result at run
;; grants: hardware
;; in imports
(import "coda:executor/http@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
;; in bad
(drop (memory.grow (i32.const 1)))
(call $send (i32.const 100) (i32.const 4) (i32.const 100) (i32.const 4) (i32.const 100) (i32.const 4)
  (i32.const 131072) (i32.const 2000) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 2000))
(if (i32.or (i32.ne (i32.load8_u (i32.const 2000)) (i32.const 1)) (i32.ne (i32.load8_u (i32.const 2004)) (i32.const 5)))
  (then unreachable))
