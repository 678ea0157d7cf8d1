;; tries: to grow its memory for ever, and write to all of it
;; must: a right result at run
;; limits: memory = "32MiB"
;; in bad
(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
(if (i32.ne (memory.size) (i32.const 512)) (then unreachable))
(memory.fill (i32.const 65536) (i32.const -1) (i32.const 33488896))
