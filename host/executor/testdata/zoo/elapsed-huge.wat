;; tries: 584 years for a job, which are none of its caller's
;; must: a right result at run
;; in bad
(i32.store8 (i32.const 152) (i32.const 1)) (i64.store (i32.const 160) (i64.const -1))
