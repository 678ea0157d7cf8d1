;; tries: a run with other parameters
;; must: refused "run" at inspect
(module (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
  (func (export "coda:executor/executor@0.1.0#open") (result i32) (i32.const 16))
  (func (export "coda:executor/executor@0.1.0#run") (param i64) (result i32) (i32.const 16)))
