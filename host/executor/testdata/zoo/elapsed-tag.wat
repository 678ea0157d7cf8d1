;; tries: an option that is neither some nor none
;; must: invalid "execution.elapsed-ns: discriminant 2 is out of range [0, 2)" at run
;; in bad
(i32.store8 (i32.const 152) (i32.const 2))
