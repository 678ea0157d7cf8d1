;; tries: a function of 50,000 variables
;; must: limit "limits.locals = 10000" at inspect
;; in exports
(func {{repeat 5000 "(local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)"}})
