;; tries: to read 2^30 words, which are 4 GiB
;; must: a right result at run
;; grants: hardware
;; in imports
(import "coda:executor/registers@0.1.0" "[static]window.open" (func $window (param i32 i32 i32)))
(import "coda:executor/registers@0.1.0" "[method]window.read-block" (func $block (param i32 i32 i32 i32)))
;; in bad
(call $window (i32.const 100) (i32.const 4) (i32.const 2000)) (call $block (i32.const 1) (i32.const 0) (i32.const 0x40000000) (i32.const 2000))
(if (i32.ne (i32.load8_u (i32.const 2000)) (i32.const 1)) (then unreachable))
