;; tries: a start function that never returns
;; must: limit "opening it took longer than limits.open_time = 300ms" at open
;; limits: open_time = "300ms"
;; in exports
(func $start (loop $l (br $l))) (start $start)
