;; tries: a segment of data beyond its memory
;; must: trapped "out of bounds memory access" at open
;; in exports
(data (i32.const 131070) "beyond")
