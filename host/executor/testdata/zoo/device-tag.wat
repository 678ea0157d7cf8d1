;; tries: an open that gives neither a device nor a failure
;; must: invalid "result of open: discriminant 255 is out of range [0, 2)" at open
;; in open
(i32.store8 (i32.const 16) (i32.const 255))
