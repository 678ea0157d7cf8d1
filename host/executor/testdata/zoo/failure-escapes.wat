;; tries: a failure whose text would clear a terminal
;; must: unavailable "[2J" at run
;; in exports
(data (i32.const 2000) "\1b[2J")
;; in bad
(i32.store8 (i32.const 128) (i32.const 1)) (i32.store8 (i32.const 136) (i32.const 1)) (i32.store (i32.const 140) (i32.const 2000)) (i32.store (i32.const 144) (i32.const 4))
