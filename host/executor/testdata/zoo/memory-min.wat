;; tries: to need more memory than there is for it
;; must: limit "it needs at least 320000 KiB of memory; limits.memory = 256MiB allows no more" at inspect
;; in memory
5000
