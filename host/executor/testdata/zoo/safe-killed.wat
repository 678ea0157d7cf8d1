;; tries: to be killed with a make-safe that works
;; must: limit "the job ran longer than limits.job_time = 1s; it was killed" at run
;; limits: job_time = "1s"
;; in exports
(func (export "coda:executor/safety@0.1.0#make-safe") (result i32) (i32.const 2000))
;; in bad
(loop $l (br $l))
