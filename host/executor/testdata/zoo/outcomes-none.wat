;; tries: no outcomes for the shots that it claims
;; must: invalid "the counts add up to 0, not to shots-completed, 100" at run
;; in bad
(i32.store (i32.const 140) (i32.const 0))
