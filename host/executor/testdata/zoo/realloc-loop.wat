;; tries: a realloc that never returns
;; must: limit "the job ran longer than limits.job_time = 300ms; it was killed" at run
;; limits: job_time = "300ms"
;; in realloc
(if (i32.eq (local.get 3) (i32.const 26)) ;; the measurements of 13 qubits
 (then (loop $l (br $l))))
