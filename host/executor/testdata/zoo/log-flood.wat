;; tries: to log 100,000 lines at once
;; must: a right result at run
;; logs: were logged too fast and not kept (limits.log_lines = 100 and limits.log_bytes = 65536 bytes a second)
;; in imports
(import "coda:executor/context@0.1.0" "log" (func $log (param i32 i32 i32)))
;; in bad
(local.set 0 (i32.const 100000)) (loop $l (call $log (i32.const 1) (i32.const 100) (i32.const 4)) (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
