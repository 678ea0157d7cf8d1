;; tries: a list of outcomes beyond its memory
;; must: invalid "execution.outcomes: " at run
;; in bad
(i32.store (i32.const 136) (i32.const 131064))
