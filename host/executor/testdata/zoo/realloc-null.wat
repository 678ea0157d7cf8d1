;; tries: a realloc that gives 0
;; must: invalid "realloc of 26 bytes returned 0: the guest is out of memory" at run
;; in realloc
(if (i32.eq (local.get 3) (i32.const 26)) ;; the measurements of 13 qubits
 (then (return (i32.const 0))))
