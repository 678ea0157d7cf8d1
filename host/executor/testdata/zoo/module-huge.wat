;; tries: a file larger than it may be
;; must: limit "limits.module_size = 64KiB" at inspect
;; limits: module_size = "64KiB"
;; in exports
(data (i32.const 65536) "{{repeat 65537 "x"}}")
