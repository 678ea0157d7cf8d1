;; tries: counts of more than the shots
;; must: invalid "the counts add up to more than shots-completed, 100" at run
;; in bad
(i64.store (i32.const 200) (i64.const 101))
