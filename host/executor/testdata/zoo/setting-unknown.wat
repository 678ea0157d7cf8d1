;; tries: to ask for a setting with a key of 1 MiB
;; must: a right result at run
;; in imports
(import "coda:executor/config@0.1.0" "get" (func $get (param i32 i32 i32)))
;; in memory
20
;; in bad
(memory.fill (i32.const 65536) (i32.const 97) (i32.const 1048576)) (call $get (i32.const 65536) (i32.const 1048576) (i32.const 2000)) (if (i32.ne (i32.load8_u (i32.const 2000)) (i32.const 0)) (then unreachable))
