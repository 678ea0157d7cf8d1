;; tries: 4,000 variables that live through 20,000 branches
;; must: limit "times its blocks, make" at inspect
;; in exports
(func (local {{repeat 4000 "i64 "}})
{{range $i := 4000}}(local.set {{$i}} (i64.extend_i32_u (memory.size)))
{{end}}{{repeat 20000 "(br_if 0 (memory.size))"}}
{{range $i := 4000}}(i64.store (i32.const 0) (local.get {{$i}}))
{{end}})
