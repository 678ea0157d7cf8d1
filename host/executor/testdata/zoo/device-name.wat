;; tries: a device whose name is not UTF-8
;; must: invalid "device.name: is not valid UTF-8" at open
;; in open
(i32.store8 (i32.const 101) (i32.const 0xff))
