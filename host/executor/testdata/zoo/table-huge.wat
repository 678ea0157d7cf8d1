;; tries: a table of 2^32-1 elements, which are 32 GiB
;; must: limit "limits.table_size = 1048576" at inspect
;; in exports
(table 0xffffffff funcref)
