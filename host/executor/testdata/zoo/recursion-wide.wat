;; tries: to call itself with a frame of 1,000 values
;; must: trapped "the guest trapped during run: stack overflow" at run
;; in exports
(func $wide (param i64) (result i64) (local {{repeat 1000 "i64 "}})
{{range $i := 1000}}(local.set {{add $i 1}} (i64.add (local.get {{$i}}) (i64.const 1)))
{{end}}(i64.add (call $wide (local.get 1000)) (local.get 1000)))
;; in bad
(drop (call $wide (i64.const 1)))
