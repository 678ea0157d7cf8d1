#include "program.h"

#include <math.h>

#include "angle.h"
#include "circuit.h"

enum { READ = 0x20 };

/* The angle as a two's complement number of which 2^32 is a whole turn. */
static uint32_t turn(double angle) {
    double turns = remainder(near_angle(angle) / (2 * 3.14159265358979323846), 1);
    return (uint32_t)(int64_t)round(turns * 0x1p32);
}

/* Each measurement is a readout of its own, as long as there are enough. */
static void program_readouts(const coda_circuit *circuit, readouts *reads) {
    bool once = circuit->num_measurements > SEQUENCER_READS;
    reads->num = 0;
    for (size_t i = 0; i < circuit->num_measurements; i++) {
        size_t at = once ? 0 : reads->num;
        while (at < reads->num && reads->qubits[at] != circuit->measurements[i]) at++;
        if (at == reads->num) reads->qubits[reads->num++] = circuit->measurements[i];
        reads->of[i] = (uint8_t)at;
    }
}

const instruction *program_make(const coda_circuit *circuit, const sequencer *s, readouts *reads, size_t *length) {
    if (circuit->num_measurements > MOST_MEASUREMENTS)
        return coda_fail(CODA_UNSUPPORTED, "%zu measurements asked, an outcome holds at most %u", circuit->num_measurements,
                         (unsigned)MOST_MEASUREMENTS), NULL;
    program_readouts(circuit, reads);
    size_t n = circuit->num_operations + reads->num;
    unsigned qubits = s->num_qubits;
#define REFUSE(...) (coda_fail(CODA_UNSUPPORTED, __VA_ARGS__), NULL)
    if (circuit->num_qubits > qubits)
        return REFUSE("the circuit has %u qubits, the sequencer has %u", (unsigned)circuit->num_qubits, qubits);
    if (reads->num > SEQUENCER_READS)
        return REFUSE("%zu qubits to measure, the sequencer reads at most %u", reads->num, (unsigned)SEQUENCER_READS);
    if (n > s->num_instructions)
        return REFUSE("the circuit takes %zu instructions, the sequencer holds %u", n, (unsigned)s->num_instructions);
    instruction *program = coda_alloc(n * sizeof *program);
    if (program == NULL) return coda_fail(CODA_INTERNAL, "no memory is left for the program"), NULL;
    for (size_t i = 0; i < circuit->num_operations; i++) {
        coda_operation op = circuit->operations[i];
        if (op.gate > CODA_CNOT) return REFUSE("gates[%zu]: gate number %u is unknown", i, (unsigned)op.gate);
        if (op.q0 >= qubits || op.q1 >= qubits || (couples(op.gate) && op.q0 == op.q1))
            return REFUSE("gates[%zu]: qubits %u and %u are not two of the %u there are", i, (unsigned)op.q0,
                          (unsigned)op.q1, qubits);
        if (!isfinite(op.param) || (op.gate == CODA_ID && !(op.param >= 0 && op.param < 0x1p32)))
            return REFUSE("gates[%zu]: the sequencer has no number for the parameter", i);
        program[i].word = (op.gate + 1u) | (uint32_t)op.q0 << 8 | (couples(op.gate) ? (uint32_t)op.q1 << 16 : 0);
        program[i].parameter = op.gate == CODA_ID ? (uint32_t)op.param : turn(op.param);
    }
    for (size_t i = 0; i < reads->num; i++) {
        if (reads->qubits[i] >= qubits)
            return REFUSE("measurements: qubit %u is not one of the %u there are", (unsigned)reads->qubits[i], qubits);
        program[circuit->num_operations + i] = (instruction){READ | (uint32_t)reads->qubits[i] << 8, 0};
    }
    *length = n;
    return program;
}
