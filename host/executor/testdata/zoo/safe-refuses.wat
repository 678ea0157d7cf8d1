;; tries: a make-safe that fails in its own words
;; must: unavailable "fake" at open
;; in exports
(func (export "coda:executor/safety@0.1.0#make-safe") (result i32) (i32.store8 (i32.const 2000) (i32.const 1)) (i32.store8 (i32.const 2004) (i32.const 1)) (i32.store (i32.const 2008) (i32.const 100)) (i32.store (i32.const 2012) (i32.const 4)) (i32.const 2000))
