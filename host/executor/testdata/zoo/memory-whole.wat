;; tries: to need all the memory that WebAssembly has
;; must: limit "it needs at least 4194304 KiB of memory; limits.memory = 256MiB allows no more" at inspect
;; in memory
65536 65536
