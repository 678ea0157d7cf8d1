;; tries: more shots than were asked for
;; must: invalid "shots-completed must be from 1 to the 100 asked for, not 18446744073709551615" at run
;; in bad
(i64.store (i32.const 144) (i64.const -1)) (i64.store (i32.const 200) (i64.const -1))
