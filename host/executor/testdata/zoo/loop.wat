;; tries: to loop for ever
;; must: limit "the job ran longer than limits.job_time = 300ms; it was killed" at run
;; limits: job_time = "300ms"
;; in bad
(loop $l (br $l))
