;; tries: to sleep for an hour
;; must: limit "the job ran longer than limits.job_time = 1s; it was killed" at run
;; limits: job_time = "1s"
;; in imports
(import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
;; in exports
;; a subscription to the monotonic clock, 3.6e12 nanoseconds from now
(data (i32.const 2016) "\01") (data (i32.const 2024) "\00\00\a0\30\46\03\00\00")
;; in bad
(i64.store (i32.const 2024) (i64.const 3600000000000)) (drop (call $poll (i32.const 2000) (i32.const 2100) (i32.const 1) (i32.const 2200)))
