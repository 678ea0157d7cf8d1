;; tries: to report progress 100,000 times, backwards
;; must: a right result at run
;; in imports
(import "coda:executor/context@0.1.0" "progress" (func $progress (param i64)))
;; in bad
(local.set 10 (i64.const 100000)) (loop $l (call $progress (local.get 10)) (br_if $l (i64.ne (local.tee 10 (i64.sub (local.get 10) (i64.const 1))) (i64.const 0))))
