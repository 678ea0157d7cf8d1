;; tries: to grow a table by 2^32-2 elements at once
;; must: a right result at run
;; in exports
(table $t 1 funcref)
;; in bad
(if (i32.ne (table.grow $t (ref.null func) (i32.const 0xfffffffe)) (i32.const -1)) (then unreachable))
