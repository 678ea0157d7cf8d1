;; tries: more functions than a module may have
;; must: limit "limits.functions = 1000" at inspect
;; limits: functions = 1000
;; in exports
{{repeat 1000 "(func)"}}
