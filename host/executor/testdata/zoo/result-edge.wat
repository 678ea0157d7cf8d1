;; tries: a result whose last byte is beyond its memory
;; must: invalid "beyond the memory" at run
;; in bad
(return (i32.const 131040))
