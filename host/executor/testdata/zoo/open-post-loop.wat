;; tries: a clean-up after open that never returns
;; must: limit "opening it took longer than limits.open_time = 300ms" at open
;; limits: open_time = "300ms"
;; in exports
(func (export "cabi_post_coda:executor/executor@0.1.0#open") (param i32) (loop $l (br $l)))
