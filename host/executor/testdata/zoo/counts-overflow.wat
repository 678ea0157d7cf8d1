;; tries: counts that add up to the shots only because they overflow
;; must: invalid "the counts add up to more than shots-completed, 100" at run
;; in bad
(i32.store (i32.const 140) (i32.const 2))
(i64.store (i32.const 200) (i64.const 0xffffffffffffffff)) (i64.store (i32.const 208) (i64.const 1)) (i64.store (i32.const 216) (i64.const 101))
