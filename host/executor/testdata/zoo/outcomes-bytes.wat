;; tries: more bytes of outcomes than its limit
;; must: limit "4194304 outcomes are more than the 64 that this host still takes; limits.result_bytes = 1KiB allows no more" at run
;; limits: result_bytes = "1KiB"
;; in bad
(drop (memory.grow (i32.const 1024)))
(i32.store (i32.const 136) (i32.const 0)) (i32.store (i32.const 140) (i32.const 0x400000))
