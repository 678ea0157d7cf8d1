;; tries: a device with an edge to a qubit that it has not
;; must: invalid "edges[0]: qubit 50 must be below num-qubits, 50" at open
;; in open
(i32.store (i32.const 36) (i32.const 2000)) (i32.store (i32.const 40) (i32.const 1)) (i32.store16 (i32.const 2002) (i32.const 50))
