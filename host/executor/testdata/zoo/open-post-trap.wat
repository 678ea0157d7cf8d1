;; tries: a clean-up after open that traps
;; must: trapped "the guest trapped in the clean-up after open" at open
;; in exports
(func (export "cabi_post_coda:executor/executor@0.1.0#open") (param i32) unreachable)
