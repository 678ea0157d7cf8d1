;; tries: a make-safe that never returns
;; must: limit "make-safe took longer than limits.safe_time = 300ms" at open
;; limits: safe_time = "300ms"
;; in exports
(func (export "coda:executor/safety@0.1.0#make-safe") (result i32) (loop $l (br $l)) (unreachable))
