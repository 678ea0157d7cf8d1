;; tries: a device whose name is all of its memory
;; must: invalid "the name must have 1 to" at open
;; in open
(i32.store (i32.const 24) (i32.const 65536)) (i32.store (i32.const 28) (i32.const 65536)) (memory.fill (i32.const 65536) (i32.const 97) (i32.const 65536))
