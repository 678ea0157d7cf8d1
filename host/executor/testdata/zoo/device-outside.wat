;; tries: a device beyond its memory
;; must: invalid "the result of open: " at open
;; in open
(return (i32.const -16))
