;; tries: to read below its memory by a negative address
;; must: trapped "the guest trapped during run: out of bounds memory access" at run
;; in bad
(drop (i64.load offset=0xffffffff (i32.const -8)))
