;; tries: more outcomes than its limit
;; must: limit "4194304 outcomes are more than the 100 that this host still takes; limits.outcomes = 100 allows no more" at run
;; limits: outcomes = 100
;; in bad
(drop (memory.grow (i32.const 1024)))
(i32.store (i32.const 136) (i32.const 0)) (i32.store (i32.const 140) (i32.const 0x400000))
