;; tries: to wait in its start function for what never answers
;; must: limit "opening it took longer than limits.open_time = 300ms" at open
;; limits: open_time = "300ms"
;; grants: hardware
;; in imports
(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
(import "coda:executor/byte-stream@0.1.0" "[method]connection.read" (func $read (param i32 i32 i32)))
;; in exports
(data (i32.const 2200) "mute")
(func $start
  (call $open (i32.const 2200) (i32.const 4) (i32.const 2000))
  (loop $l (call $read (i32.const 1) (i32.const 1) (i32.const 2000)) (br $l)))
(start $start)
