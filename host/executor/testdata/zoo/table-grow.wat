;; tries: to grow a table for ever
;; must: a right result at run
;; limits: table_size = 65536, job_time = "5s"
;; in exports
(table $t 1 funcref)
;; in bad
(loop $more (br_if $more (i32.ne (table.grow $t (ref.null func) (i32.const 4096)) (i32.const -1))))
(if (i32.gt_u (table.size $t) (i32.const 65536)) (then unreachable))
