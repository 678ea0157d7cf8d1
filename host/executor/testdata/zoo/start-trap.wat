;; tries: a start function that traps
;; must: trapped "the guest trapped during its start: unreachable" at open
;; in exports
(func $start unreachable) (start $start)
