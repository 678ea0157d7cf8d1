;; tries: a realloc that gives the same block for everything
;; must: a right result at run
;; in realloc
(return (i32.const 4096))
