;; tries: a device without qubits
;; must: invalid "num-qubits must be at least 1" at open
;; in open
(i32.store16 (i32.const 34) (i32.const 0))
