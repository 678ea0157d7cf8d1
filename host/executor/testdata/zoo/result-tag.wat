;; tries: a result that is neither ok nor error
;; must: invalid "discriminant 7 is out of range [0, 2)" at run
;; in bad
(i32.store8 (i32.const 128) (i32.const 7))
