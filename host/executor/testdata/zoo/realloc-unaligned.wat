;; tries: a realloc that gives what is not aligned
;; must: invalid "which is not aligned to 2" at run
;; in realloc
(if (i32.eq (local.get 3) (i32.const 26)) ;; the measurements of 13 qubits
 (then (return (i32.const 2001))))
