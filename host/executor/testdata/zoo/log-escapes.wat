;; tries: to log what would change the colours of a terminal
;; must: a right result at run
;; logs: [31mred
;; in imports
(import "coda:executor/context@0.1.0" "log" (func $log (param i32 i32 i32)))
;; in exports
(data (i32.const 2000) "\1b[31mred")
;; in bad
(call $log (i32.const 1) (i32.const 2000) (i32.const 8))
