;; tries: to ask for ever whether its job is cancelled
;; must: limit "the job ran longer than limits.job_time = 1s; it was killed" at run
;; limits: job_time = "1s"
;; in imports
(import "coda:executor/context@0.1.0" "cancelled" (func $cancelled (result i32)))
;; in bad
(loop $l (drop (call $cancelled)) (br $l))
