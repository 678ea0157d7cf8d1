;; tries: to import a function that no host has
;; must: refused "unknown import" at inspect
;; in imports
(import "env" "system" (func (param i32) (result i32)))
