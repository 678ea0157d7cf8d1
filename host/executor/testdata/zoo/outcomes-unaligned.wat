;; tries: a list of outcomes that is not aligned
;; must: invalid "execution.outcomes: " at run
;; in bad
(i32.store (i32.const 136) (i32.const 196))
