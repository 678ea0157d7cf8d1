;; tries: to trap with a make-safe that works
;; must: trapped "the guest trapped during run: unreachable" at run
;; in exports
(func (export "coda:executor/safety@0.1.0#make-safe") (result i32) (i32.const 2000))
;; in bad
unreachable
