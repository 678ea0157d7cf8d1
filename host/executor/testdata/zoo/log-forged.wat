;; tries: to log a line break and a line that looks like the node's
;; must: a right result at run
;; logs: level=ERROR msg=forged
;; in imports
(import "coda:executor/context@0.1.0" "log" (func $log (param i32 i32 i32)))
;; in exports
(data (i32.const 2000) "a\0alevel=ERROR msg=forged")
;; in bad
(call $log (i32.const 1) (i32.const 2000) (i32.const 24))
