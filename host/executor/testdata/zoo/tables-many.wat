;; tries: 17 tables
;; must: limit "limits.tables = 16" at inspect
;; in exports
{{repeat 17 "(table 1 funcref)"}}
