;; tries: to write beyond its memory
;; must: trapped "the guest trapped during run: out of bounds memory access" at run
;; in bad
(i32.store (i32.const -4) (i32.const 1))
