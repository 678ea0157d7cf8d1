;; tries: to call itself for ever
;; must: trapped "the guest trapped during run: stack overflow" at run
;; in bad
(call $deep)
