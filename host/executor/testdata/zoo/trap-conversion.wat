;; tries: to trap: NaN made an integer
;; must: trapped "the guest trapped during run: invalid conversion to integer" at run
;; in bad
(drop (i32.trunc_f64_s (f64.const nan)))
