;; tries: to take a table from the host
;; must: refused "unknown import: the module imports the table" at inspect
;; in imports
(import "env" "table" (table 1 funcref))
