;; tries: a module that exports nothing
;; must: refused "export" at inspect
(module)
