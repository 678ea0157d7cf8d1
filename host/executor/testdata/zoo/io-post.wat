;; tries: to call an instrument in the clean-up of a result
;; must: a right result at run
;; grants: hardware
;; in imports
(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
;; in exports
(func (export "cabi_post_coda:executor/executor@0.1.0#run") (param i32) (call $open (i32.const 100) (i32.const 4) (i32.const 2000)) (loop $l (br $l)))
