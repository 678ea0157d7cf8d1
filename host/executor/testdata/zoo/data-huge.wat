;; tries: more data than it may have
;; must: limit "limits.data_size = 64KiB" at inspect
;; limits: data_size = "64KiB"
;; in exports
(data (i32.const 65536) "{{repeat 65537 "x"}}")
