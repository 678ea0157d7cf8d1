;; tries: to declare that its memory may grow to 4 GiB, and to grow it there at once, then page by page
;; must: a right result at run
;; limits: memory = "4MiB"
;; in memory
2 65536
;; in bad
(if (i32.ne (memory.grow (i32.const 65534)) (i32.const -1)) (then unreachable))
(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
(if (i32.ne (memory.size) (i32.const 64)) (then unreachable))
