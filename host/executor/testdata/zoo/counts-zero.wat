;; tries: an outcome that was never seen
;; must: invalid "the count must not be 0" at run
;; in bad
(i64.store (i32.const 200) (i64.const 0))
