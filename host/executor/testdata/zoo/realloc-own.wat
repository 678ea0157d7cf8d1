;; tries: a realloc that gives the memory of its own result
;; must: invalid "execution.elapsed-ns: discriminant 12 is out of range [0, 2)" at run
;; in realloc
(if (i32.eq (local.get 3) (i32.const 26)) ;; the measurements of 13 qubits
 (then (return (i32.const 128))))
