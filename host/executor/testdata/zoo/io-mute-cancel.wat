;; tries: to read from what never answers, when its job is cancelled
;; must: cancelled "fake" at run
;; grants: hardware
;; cancel: 30ms
;; in imports
(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
(import "coda:executor/byte-stream@0.1.0" "[method]connection.read" (func $read (param i32 i32 i32)))
;; in exports
(data (i32.const 2200) "mute")
;; in bad
(call $open (i32.const 2200) (i32.const 4) (i32.const 2000)) (if (i32.load8_u (i32.const 2000)) (then unreachable))
(call $read (i32.const 1) (i32.const 1) (i32.const 2000))
(if (i32.ne (i32.load8_u (i32.const 2004)) (i32.const 4)) (then unreachable)) ;; cancelled
(i32.store8 (i32.const 128) (i32.const 1)) (i32.store8 (i32.const 136) (i32.const 2))
(i32.store (i32.const 140) (i32.const 100)) (i32.store (i32.const 144) (i32.const 4))
