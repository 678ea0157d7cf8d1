;; tries: to copy what begins in its memory and ends outside
;; must: trapped "the guest trapped during run: out of bounds memory access" at run
;; in bad
(memory.copy (i32.const 0) (i32.const 131000) (i32.const 1000))
