;; tries: a realloc that asks for the settings while the host gives it the settings
;; must: invalid "import: was called during realloc or post-return" at run
;; in imports
(import "coda:executor/config@0.1.0" "keys" (func $keys (param i32)))
;; in exports
(global $in (mut i32) (i32.const 0))
;; in realloc
(if (global.get $in) (then (call $keys (i32.const 3000))))
;; in bad
(global.set $in (i32.const 1)) (call $keys (i32.const 2000)) unreachable
