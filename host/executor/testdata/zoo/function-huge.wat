;; tries: a function of 700 KB
;; must: limit "limits.function_size = 256KiB" at inspect
;; limits: function_size = "256KiB"
;; in exports
(func {{repeat 60000 "(drop (i64.const 0x7000000000000000))"}})
