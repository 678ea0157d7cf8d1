;; tries: an open that traps
;; must: trapped "the guest trapped during open: unreachable" at open
;; in open
unreachable
