;; tries: to be killed with a make-safe that traps the first time
;; must: limit "the job ran longer than limits.job_time = 1s; it was killed" at run
;; limits: job_time = "1s"
;; grants: hardware
;; rests: the guest trapped during make-safe: unreachable
;; in imports
(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
;; in exports
(func (export "coda:executor/safety@0.1.0#make-safe") (result i32)
  ;; The door gives this endpoint when the executor is opened, and later refuses it.
  (call $open (i32.const 2200) (i32.const 4) (i32.const 2000))
  (if (i32.load8_u (i32.const 2000)) (then unreachable))
  (i32.const 2016))
(data (i32.const 2200) "once")
;; in bad
(loop $l (br $l))
