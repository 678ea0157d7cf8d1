#include "run.h"

#include <math.h>

#include "memory.h"

/* Exact zeros stay zeros in products of diagonal matrices. */
static bool diagonal(const matrix *m) {
    return m->at[0][1].re == 0 && m->at[0][1].im == 0 && m->at[1][0].re == 0 && m->at[1][0].im == 0;
}

bool run_begin(run *runs, unsigned count, const coda_circuit *circuit) {
    unsigned width = circuit_width(circuit);
    uint64_t bytes = count * state_bytes(width), results = 16;
    complex *amplitudes = memory_region(bytes);
    if (amplitudes == NULL)
        return coda_fail(CODA_UNSUPPORTED,
                         "simulating %u qubits takes %llu bytes, more than the memory limit leaves: set limits.memory "
                         "in the device file to at least %llu MiB",
                         width, (unsigned long long)bytes, (unsigned long long)((bytes >> 20) + results));
    for (unsigned i = 0; i < count; i++) {
        state_begin(&runs[i].psi, amplitudes + ((size_t)i << width));
        for (unsigned q = 0; q < MAX_QUBITS; q++) {
            runs[i].slots[q] = NO_SLOT;
            runs[i].pending[q] = identity;
        }
    }
    return true;
}

void run_copy(run *to, const run *from) {
    complex *amplitudes = to->psi.amplitudes;
    *to = *from;
    to->psi.amplitudes = amplitudes;
    state_copy(&to->psi, &from->psi);
}

/* One-qubit gates wait, multiplied together, until a coupling needs their qubit:
 * one pass over the state then serves them all. */
static void flush(run *r, unsigned q) {
    matrix m = r->pending[q];
    r->pending[q] = identity;
    if (r->slots[q] == NO_SLOT) {
        r->slots[q] = (int)state_join(&r->psi, m.at[0][0], m.at[1][0]);
    } else if (diagonal(&m)) {
        /* A phase of the whole state shows nowhere: only the difference counts. */
        complex phase = times(m.at[1][1], conjugate(m.at[0][0]));
        if (phase.re != 1 || phase.im != 0) state_phase(&r->psi, (size_t)1 << r->slots[q], phase);
    } else {
        state_apply(&r->psi, (unsigned)r->slots[q], m);
    }
}

/* Readies a qubit for a coupling that is diagonal in it: diagonal gates commute
 * with that and wait on. */
static void flush_across(run *r, unsigned q) {
    if (r->slots[q] == NO_SLOT || !diagonal(&r->pending[q])) flush(r, q);
}

static void couple(run *r, coda_operation op) {
    unsigned a = op.q0, b = op.q1;
    switch (op.gate) {
    case CODA_CZ:
    case CODA_CP:
        flush_across(r, a);
        flush_across(r, b);
        complex phase = op.gate == CODA_CZ ? (complex){-1, 0} : (complex){cos(op.param), sin(op.param)};
        state_phase(&r->psi, (size_t)1 << r->slots[a] | (size_t)1 << r->slots[b], phase);
        break;
    case CODA_CNOT:
        flush_across(r, a);
        flush(r, b);
        state_cnot(&r->psi, (unsigned)r->slots[a], (unsigned)r->slots[b]);
        break;
    default: /* iswap */
        flush(r, a);
        flush(r, b);
        state_iswap(&r->psi, (unsigned)r->slots[a], (unsigned)r->slots[b]);
    }
}

void run_turn(run *r, unsigned qubit, matrix m) { r->pending[qubit] = product(m, r->pending[qubit]); }

void run_apply(run *r, coda_operation op) {
    if (couples(op.gate)) couple(r, op);
    else run_turn(r, op.q0, circuit_gate(op));
}

void run_end(run *r, const coda_circuit *circuit) {
    /* What is left changes a readout only if it mixes |0> and |1> of a measured
     * qubit. */
    uint32_t measured = circuit_measured(circuit);
    for (unsigned q = 0; q < circuit->num_qubits; q++)
        if ((measured >> q & 1) != 0 && !diagonal(&r->pending[q])) flush(r, q);
}

size_t measured_slots(const coda_circuit *circuit, const int slots[MAX_QUBITS]) {
    size_t measured = 0;
    for (size_t i = 0; i < circuit->num_measurements; i++) {
        int slot = slots[circuit->measurements[i]];
        if (slot != NO_SLOT) measured |= (size_t)1 << slot;
    }
    return measured;
}

uint32_t qubits_set(const int slots[MAX_QUBITS], size_t measured, uint64_t index) {
    uint32_t set = 0;
    for (unsigned q = 0; q < MAX_QUBITS; q++) {
        if (slots[q] == NO_SLOT || (measured >> slots[q] & 1) == 0) continue;
        int place = __builtin_popcountl(measured & (((size_t)1 << slots[q]) - 1));
        set |= (uint32_t)(index >> place & 1) << q;
    }
    return set;
}
