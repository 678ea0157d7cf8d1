;; tries: to call the host in the clean-up of a result
;; must: a right result at run
;; in imports
(import "coda:executor/context@0.1.0" "log" (func $log (param i32 i32 i32)))
;; in exports
(func (export "cabi_post_coda:executor/executor@0.1.0#run") (param i32) (call $log (i32.const 1) (i32.const 100) (i32.const 4)) (loop $l (br $l)))
