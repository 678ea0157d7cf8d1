;; tries: a device of a target that there is not
;; must: invalid "device.target: discriminant 9 is out of range [0, 4)" at open
;; in open
(i32.store8 (i32.const 32) (i32.const 9))
