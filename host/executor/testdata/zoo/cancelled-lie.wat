;; tries: to say that its job was cancelled when it was not
;; must: internal "the guest says that the job was cancelled, but it was not: fake" at run
;; in bad
(i32.store8 (i32.const 128) (i32.const 1)) (i32.store8 (i32.const 136) (i32.const 2))
(i32.store (i32.const 140) (i32.const 100)) (i32.store (i32.const 144) (i32.const 4))
