;; tries: an outcome twice
;; must: invalid "outcome 0x0 must not be listed twice" at run
;; in bad
(i32.store (i32.const 140) (i32.const 2)) (i64.store (i32.const 200) (i64.const 40)) (i64.store (i32.const 216) (i64.const 60))
