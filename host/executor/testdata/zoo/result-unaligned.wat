;; tries: a result at an address that is not aligned
;; must: invalid "the result of run: result of run: " at run
;; in bad
(return (i32.const 12))
