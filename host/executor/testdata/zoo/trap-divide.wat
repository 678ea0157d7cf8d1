;; tries: to trap: division by zero
;; must: trapped "the guest trapped during run: integer divide by zero" at run
;; in bad
(drop (i32.div_u (i32.const 1) (i32.const 0)))
