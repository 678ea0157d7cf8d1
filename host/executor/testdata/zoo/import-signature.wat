;; tries: to import log with other parameters
;; must: refused "has the signature" at inspect
;; in imports
(import "coda:executor/context@0.1.0" "log" (func (param i64)))
