;; tries: to loop for ever
;; must: limit "the job ran longer than limits.job_time = 1s; it was killed" at run
;; limits: job_time = "1s"
;; in bad
(loop $l (br $l))
