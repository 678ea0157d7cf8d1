;; tries: to read again and again from what never answers
;; must: limit "the job ran longer than limits.job_time = 1s; it was killed" at run
;; limits: job_time = "1s"
;; grants: hardware
;; in imports
(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
(import "coda:executor/byte-stream@0.1.0" "[method]connection.read" (func $read (param i32 i32 i32)))
;; in exports
(data (i32.const 2200) "mute")
;; in bad
(call $open (i32.const 2200) (i32.const 4) (i32.const 2000)) (if (i32.load8_u (i32.const 2000)) (then unreachable))
(loop $l (call $read (i32.const 1) (i32.const 1) (i32.const 2000)) (br $l))
