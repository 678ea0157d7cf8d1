;; tries: a device with 2^30 edges, whose bytes overflow
;; must: invalid "device.edges: " at open
;; in open
(i32.store (i32.const 40) (i32.const 0x40000000))
