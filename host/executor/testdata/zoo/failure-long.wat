;; tries: a failure in 60 MB of text
;; must: unavailable "(the first 4096 of 60000000 bytes)" at run
;; in memory
1000
;; in bad
(memory.fill (i32.const 65536) (i32.const 97) (i32.const 60000000)) (i32.store8 (i32.const 128) (i32.const 1)) (i32.store8 (i32.const 136) (i32.const 1)) (i32.store (i32.const 140) (i32.const 65536)) (i32.store (i32.const 144) (i32.const 60000000))
