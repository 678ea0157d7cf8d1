;; tries: a failure of a kind that there is not
;; must: invalid "failure.kind: discriminant 4 is out of range [0, 4)" at run
;; in bad
(i32.store8 (i32.const 128) (i32.const 1)) (i32.store8 (i32.const 136) (i32.const 4))
