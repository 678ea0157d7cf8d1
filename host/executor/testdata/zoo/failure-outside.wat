;; tries: a failure whose text is beyond its memory
;; must: invalid "failure.message: " at run
;; in bad
(i32.store8 (i32.const 128) (i32.const 1)) (i32.store8 (i32.const 136) (i32.const 1)) (i32.store (i32.const 140) (i32.const -2)) (i32.store (i32.const 144) (i32.const 4))
