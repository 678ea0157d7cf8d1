;; tries: to trap: the smallest number divided by -1
;; must: trapped "the guest trapped during run: integer overflow" at run
;; in bad
(drop (i64.div_s (i64.const 0x8000000000000000) (i64.const -1)))
