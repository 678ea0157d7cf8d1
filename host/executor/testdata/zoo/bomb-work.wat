;; tries: 20 functions, each as costly to compile as one may be
;; must: limit "its functions would take about" at inspect
;; in exports
{{range 20}}(func (local {{repeat 100 "i64 "}})
{{repeat 10000 "(br_if 0 (memory.size))"}}
{{repeat 9000 "(loop "}}{{repeat 9000 ")"}})
{{end}}
