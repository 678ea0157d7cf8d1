;; tries: to call an empty element of a table
;; must: trapped "the guest trapped during run: invalid table access" at run
;; in exports
(type $t (func)) (table 2 funcref)
;; in bad
(call_indirect (type $t) (i32.const 0))
