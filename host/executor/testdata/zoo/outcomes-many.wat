;; tries: 4,194,304 outcomes out of the same memory
;; must: limit "4194304 outcomes are more than the 3145728 that this host still takes; limits.outcomes = 3145728 allows no more" at run
;; in bad
(drop (memory.grow (i32.const 1024)))
(i32.store (i32.const 136) (i32.const 0)) (i32.store (i32.const 140) (i32.const 0x400000))
