;; tries: a clean-up after run that traps, each time
;; must: a right result at run
;; in exports
(func (export "cabi_post_coda:executor/executor@0.1.0#run") (param i32) unreachable)
