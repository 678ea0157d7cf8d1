;; An executor without any toolchain: every shot of every circuit reads zero, at
;; once, as noop's do. It uses the standard names of the canonical ABI ("cm32p2"),
;; where compilers of today still emit the older spelling.
;;
;; Its results never change but for the number of shots, so they lie in memory as
;; the host is to read them. Numbers are little-endian.
(module
  (memory (export "cm32p2_memory") 1)

  (data (i32.const 16) "zeros-wat")

  ;; 64: result<device, failure>
  (data (i32.const 64)
    "\00\00\00\00\00\00\00\00"  ;; +0  ok
    "\10\00\00\00\09\00\00\00"  ;; +8  name: 9 bytes at 16
    "\00\00\32\00"              ;; +16 target: cz; +18 num-qubits: 50
    "\00\00\00\00\00\00\00\00"  ;; +20 edges: none
    "\00\00\00\00"              ;; +28 directed: false
    "\00\00\00\00\00\00\00\00"  ;; +32 max-shots: none
    "\00\00\00\00\00\00\00\00")

  ;; 128: result<execution, failure>
  (data (i32.const 128)
    "\00\00\00\00\00\00\00\00"  ;; +0  ok
    "\c0\00\00\00\01\00\00\00"  ;; +8  outcomes: 1 at 192
    "\00\00\00\00\00\00\00\00"  ;; +16 shots-completed
    "\01\00\00\00\00\00\00\00"  ;; +24 elapsed-ns: some(0)
    "\00\00\00\00\00\00\00\00")

  ;; 192: the one outcome
  (data (i32.const 192)
    "\00\00\00\00\00\00\00\00"  ;; +0  bits
    "\00\00\00\00\00\00\00\00") ;; +8  count

  ;; Where the next argument of the host goes; 0 until the module is initialized.
  (global $next (mut i32) (i32.const 0))

  (func $free_arguments
    (global.set $next (i32.const 256)))

  (func (export "cm32p2_initialize")
    (call $free_arguments))

  ;; Arguments stand one behind the other and are freed together, after the call.
  (func (export "cm32p2_realloc")
    (param $old i32) (param $old_size i32) (param $align i32) (param $size i32)
    (result i32)
    (local $at i32) (local $end i64)
    (if (i32.eqz (global.get $next)) (then (unreachable)))
    ;; at = next, rounded up to the alignment, a power of two
    (local.set $at
      (i32.and
        (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    ;; 64 bits, so that the sum cannot wrap
    (local.set $end
      (i64.add (i64.extend_i32_u (local.get $at)) (i64.extend_i32_u (local.get $size))))
    (if (i64.gt_u (local.get $end) (i64.const 0xfffffff0)) (then (unreachable)))
    (block $fits
      (loop $more
        (br_if $fits
          (i64.le_u (local.get $end)
            (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16))))
        (br_if $more
          (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))
        (unreachable))) ;; out of memory
    (if (i32.lt_u (local.get $size) (local.get $old_size))
      (then (local.set $old_size (local.get $size))))
    (memory.copy (local.get $at) (local.get $old) (local.get $old_size))
    (global.set $next (i32.wrap_i64 (local.get $end)))
    (local.get $at))

  (func (export "cm32p2|coda:executor/executor@0.1|open") (result i32)
    (i32.const 64))

  (func (export "cm32p2|coda:executor/executor@0.1|open_post") (param i32)
    (call $free_arguments))

  ;; The job, flattened; of its eleven values only the shots matter.
  (func (export "cm32p2|coda:executor/executor@0.1|run")
    (param $id i32) (param $id_length i32)
    (param $target i32) (param $num_qubits i32)
    (param $operations i32) (param $num_operations i32)
    (param $measurements i32) (param $num_measurements i32)
    (param $source_hash i32) (param $source_hash_length i32)
    (param $shots i64)
    (result i32)
    (i64.store (i32.const 144) (local.get $shots)) ;; shots-completed
    (i64.store (i32.const 200) (local.get $shots)) ;; the outcome's count
    (i32.const 128))

  (func (export "cm32p2|coda:executor/executor@0.1|run_post") (param i32)
    (call $free_arguments)))
