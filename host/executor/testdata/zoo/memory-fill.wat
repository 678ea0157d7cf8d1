;; tries: to fill memory over and over: few instructions that each take long
;; must: limit "the job ran longer than limits.job_time = 1s; it was killed" at run
;; limits: job_time = "1s"
;; in memory
256
;; in bad
(loop $l (memory.fill (i32.const 65536) (i32.const 1) (i32.const 16000000)) (br $l))
