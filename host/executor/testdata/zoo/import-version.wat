;; tries: to import an interface of a version to come
;; must: refused "0.2" at inspect
;; in imports
(import "coda:executor/context@0.2.0" "log" (func (param i32 i32 i32)))
