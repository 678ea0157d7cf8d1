;; tries: a segment of elements beyond its table
;; must: trapped "the guest trapped during run: invalid table access" at run
;; in exports
(type $t (func)) (table 2 funcref) (elem (i32.const 5) $forever)
;; in bad
(call_indirect (type $t) (i32.const 5))
