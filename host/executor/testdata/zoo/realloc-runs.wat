;; tries: a realloc that runs a job by itself
;; must: a right result at run
;; in exports
(global $in (mut i32) (i32.const 0))
;; in realloc
(if (i32.eqz (global.get $in)) (then (global.set $in (i32.const 1))
(drop (call $run (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 1)))))
