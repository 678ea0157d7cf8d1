;; tries: an _initialize that never returns
;; must: limit "opening it took longer than limits.open_time = 300ms" at open
;; limits: open_time = "300ms"
;; in exports
(func (export "_initialize") (loop $l (br $l)))
