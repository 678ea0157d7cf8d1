;; tries: counts that do not add up
;; must: invalid "the counts add up to 99, not to shots-completed, 100" at run
;; in bad
(i64.store (i32.const 200) (i64.const 99))
