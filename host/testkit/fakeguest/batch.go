package fakeguest

// Batch is an export that runs jobs together: zeros for each. A job of 13 qubits fails in its own words, one of 12 has a count too
// many, one of 11 makes the whole call trap, and with one of 10 a result is
// missing.
const Batch = `
  (func (export "coda:executor/batch@0.1.0#run-batch") (param $jobs i32) (param $n i32) (result i32)
    (local $i i32) (local $job i32) (local $result i32) (local $outcome i32) (local $given i32)
    (local.set $given (local.get $n))
    (block $done (loop $next
      (br_if $done (i32.eq (local.get $i) (local.get $n)))
      (local.set $job (i32.add (local.get $jobs) (i32.mul (local.get $i) (i32.const 48))))
      (local.set $result (i32.add (i32.const 8192) (i32.mul (local.get $i) (i32.const 40))))
      (local.set $outcome (i32.add (i32.const 16384) (i32.mul (local.get $i) (i32.const 16))))
      (i64.store offset=8 (local.get $outcome) (i64.load offset=40 (local.get $job)))
      (i32.store8 (local.get $result) (i32.const 0))
      (i32.store offset=8 (local.get $result) (local.get $outcome))
      (i32.store offset=12 (local.get $result) (i32.const 1))
      (i64.store offset=16 (local.get $result) (i64.load offset=40 (local.get $job)))
      (if (i32.eq (i32.load16_u offset=10 (local.get $job)) (i32.const 13)) (then
        (i32.store8 (local.get $result) (i32.const 1))
        (i32.store8 offset=8 (local.get $result) (i32.const 0))
        (i32.store offset=12 (local.get $result) (i32.const 100))
        (i32.store offset=16 (local.get $result) (i32.const 4))))
      (if (i32.eq (i32.load16_u offset=10 (local.get $job)) (i32.const 12)) (then
        (i64.store offset=8 (local.get $outcome) (i64.const 101))))
      (if (i32.eq (i32.load16_u offset=10 (local.get $job)) (i32.const 11)) (then unreachable))
      (if (i32.eq (i32.load16_u offset=10 (local.get $job)) (i32.const 10)) (then
        (local.set $given (i32.sub (local.get $given) (i32.const 1)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (i32.store (i32.const 320) (i32.const 8192))
    (i32.store (i32.const 324) (local.get $given))
    (i32.const 320))`
