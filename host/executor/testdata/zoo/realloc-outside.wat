;; tries: a realloc that gives what is beyond its memory
;; must: invalid "26 bytes there reach beyond the memory" at run
;; in realloc
(if (i32.eq (local.get 3) (i32.const 26)) ;; the measurements of 13 qubits
 (then (return (i32.const -16))))
