;; tries: a device that lists a pair twice
;; must: invalid "edges: the pair 0, 1 must not be listed twice" at open
;; in open
(i32.store (i32.const 2000) (i32.const 0x10000)) (i32.store (i32.const 2004) (i32.const 0x10000))
(i32.store (i32.const 36) (i32.const 2000)) (i32.store (i32.const 40) (i32.const 2))
