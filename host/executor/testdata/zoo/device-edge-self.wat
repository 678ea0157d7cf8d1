;; tries: a device with an edge from a qubit to itself
;; must: invalid "edges[0]: couples qubit 0 with itself" at open
;; in open
(i32.store (i32.const 36) (i32.const 2000)) (i32.store (i32.const 40) (i32.const 1))
