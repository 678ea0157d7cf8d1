;; tries: the same tree of calls through a table
;; must: limit "the job ran longer than limits.job_time = 1s; it was killed" at run
;; limits: job_time = "1s"
;; in exports
(type $leaf (func))
(table 61 funcref)
(elem (i32.const 0) {{range $i := 61}}$f{{$i}} {{end}})
{{range $i := 60}}(func $f{{$i}} (call_indirect (type $leaf) (i32.const {{add $i 1}})) (call_indirect (type $leaf) (i32.const {{add $i 1}})))
{{end}}(func $f60)
;; in bad
(call $f0)
