;; tries: an open that never returns
;; must: limit "opening it took longer than limits.open_time = 300ms" at open
;; limits: open_time = "300ms"
;; in open
(loop $l (br $l))
