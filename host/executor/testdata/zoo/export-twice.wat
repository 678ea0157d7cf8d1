;; tries: to export run in both spellings
;; must: refused "which are the same function in two spellings" at inspect
;; in exports
(func (export "cm32p2|coda:executor/executor@0.1|run") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32) (i32.const 128))
