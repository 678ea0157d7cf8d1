;; tries: bits of qubits that nobody measured
;; must: invalid "bits 0x2000 do not fit in 13 measurements" at run
;; in bad
(i64.store (i32.const 192) (i64.const 0x2000))
