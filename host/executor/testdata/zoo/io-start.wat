;; tries: to open connections in its start function until there are no more
;; must: a right result at run
;; limits: handles = 8
;; grants: hardware
;; in imports
(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
;; in exports
(func $start
  (loop $more (call $open (i32.const 100) (i32.const 4) (i32.const 2000)) (br_if $more (i32.eqz (i32.load8_u (i32.const 2000))))))
(start $start)
