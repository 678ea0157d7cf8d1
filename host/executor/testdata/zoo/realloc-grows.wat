;; tries: a realloc that moves its memory by growing it
;; must: a right result at run
;; in realloc
(drop (memory.grow (i32.const 1)))
