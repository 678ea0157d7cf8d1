;; tries: an exponential tree of calls, 2^60 of them, without one loop
;; must: limit "the job ran longer than limits.job_time = 1s; it was killed" at run
;; limits: job_time = "1s"
;; in exports
{{range $i := 60}}(func $f{{$i}} (call $f{{add $i 1}}) (call $f{{add $i 1}}))
{{end}}(func $f60)
;; in bad
(call $f0)
