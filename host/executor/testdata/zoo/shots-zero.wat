;; tries: a job of no shots
;; must: invalid "shots-completed must be from 1 to the 100 asked for, not 0" at run
;; in bad
(i64.store (i32.const 144) (i64.const 0))
