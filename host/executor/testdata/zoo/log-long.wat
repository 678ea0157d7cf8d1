;; tries: to log a line of 1 MiB
;; must: a right result at run
;; logs: … (1044480 bytes more)
;; in imports
(import "coda:executor/context@0.1.0" "log" (func $log (param i32 i32 i32)))
;; in memory
20
;; in bad
(memory.fill (i32.const 65536) (i32.const 97) (i32.const 1048576)) (call $log (i32.const 1) (i32.const 65536) (i32.const 1048576))
