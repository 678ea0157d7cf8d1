;; tries: a device whose name rings a bell
;; must: invalid "must not contain control characters" at open
;; in open
(i32.store8 (i32.const 101) (i32.const 7))
