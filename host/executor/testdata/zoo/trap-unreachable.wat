;; tries: to trap: unreachable
;; must: trapped "the guest trapped during run: unreachable" at run
;; in bad
unreachable
