;; tries: a failure whose text is not UTF-8
;; must: invalid "failure.message: is not valid UTF-8" at run
;; in exports
(data (i32.const 2000) "\ed\a0\80")
;; in bad
(i32.store8 (i32.const 128) (i32.const 1)) (i32.store8 (i32.const 136) (i32.const 1)) (i32.store (i32.const 140) (i32.const 2000)) (i32.store (i32.const 144) (i32.const 3))
