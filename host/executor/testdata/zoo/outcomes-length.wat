;; tries: a list of 2^32-1 outcomes, whose bytes overflow
;; must: invalid "execution.outcomes: " at run
;; in bad
(i32.store (i32.const 140) (i32.const -1))
