;; tries: to call an instrument in realloc
;; must: invalid "import: was called during realloc or post-return" at run
;; grants: hardware
;; in imports
(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
;; in realloc
(if (i32.eq (local.get 3) (i32.const 26)) ;; the measurements of 13 qubits
 (then (call $open (i32.const 100) (i32.const 4) (i32.const 2000))))
