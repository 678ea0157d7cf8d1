;; tries: an instrument where nothing is granted to it
;; must: refused "it needs byte-stream, and no" at inspect
;; in imports
(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
;; in bad
unreachable
