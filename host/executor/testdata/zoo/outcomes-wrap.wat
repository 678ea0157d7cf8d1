;; tries: a list of 2^28+1 outcomes, which are 16 bytes in 32 bits
;; must: invalid "execution.outcomes: " at run
;; in bad
(i32.store (i32.const 140) (i32.const 0x10000001))
