;; tries: a wall of br_table: 60 jumps with 20,000 targets each
;; must: limit "branches and blocks, and one function may have 40000" at inspect
;; limits: function_size = "16MiB"
;; in exports
(func (param i32) {{repeat 200 "(block "}} {{range $i := 60}}(block (br_table {{repeat 20000 "100 "}}100 (local.get 0)))
{{end}} {{repeat 200 ")"}})
