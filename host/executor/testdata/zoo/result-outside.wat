;; tries: a result beyond its memory
;; must: invalid "beyond the memory" at run
;; in bad
(return (i32.const 0x7ffffff8))
