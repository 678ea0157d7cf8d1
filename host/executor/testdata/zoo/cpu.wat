;; tries: to take more of the processor than it may
;; must: limit "the job took more of the processor than limits.cpu_time = 1s; it was killed" at run
;; limits: cpu_time = "1s", job_time = "5m"
;; in bad
(loop $l (br $l))
