;; tries: a clean-up after run that never returns
;; must: limit "the job ran longer than limits.job_time = 1s; it was killed" at run
;; limits: job_time = "1s"
;; in exports
(func (export "cabi_post_coda:executor/executor@0.1.0#run") (param i32) (if (global.get $bad) (then (loop $l (br $l)))))
(global $bad (mut i32) (i32.const 0))
;; in bad
(global.set $bad (i32.const 1))
