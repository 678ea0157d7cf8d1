;; tries: to call a function as what it is not
;; must: trapped "the guest trapped during run: indirect call type mismatch" at run
;; in exports
(type $t (func (param i64))) (table funcref (elem $forever))
;; in bad
(call_indirect (type $t) (i64.const 1) (i32.const 0))
