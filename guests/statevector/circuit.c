#include "circuit.h"

#include <math.h>

static bool couples(coda_gate gate) {
    return gate == CODA_CZ || gate == CODA_ISWAP || gate == CODA_CP || gate == CODA_CNOT;
}

/* The host has validated the circuit; a slip there must not become a write out
 * of bounds here. */
static bool check(const coda_circuit *circuit) {
    unsigned n = circuit->num_qubits;
    if (n > MAX_QUBITS)
        return coda_fail(CODA_UNSUPPORTED, "%u qubits asked, this simulator holds at most %d", n, MAX_QUBITS);
    for (size_t i = 0; i < circuit->num_operations; i++) {
        coda_operation op = circuit->operations[i];
        if (op.gate > CODA_CNOT)
            return coda_fail(CODA_UNSUPPORTED, "gates[%zu]: gate number %u is unknown", i, op.gate);
        if (op.q0 >= n || op.q1 >= n)
            return coda_fail(CODA_UNSUPPORTED, "gates[%zu]: qubit %u is out of range [0, %u)", i,
                             op.q0 >= n ? op.q0 : op.q1, n);
        if (couples(op.gate) && op.q0 == op.q1)
            return coda_fail(CODA_UNSUPPORTED, "gates[%zu]: qubit %u cannot couple to itself", i, op.q0);
        if (!isfinite(op.param))
            return coda_fail(CODA_UNSUPPORTED, "gates[%zu]: the parameter is not a finite number", i);
    }
    if (circuit->num_measurements > 64)
        return coda_fail(CODA_UNSUPPORTED, "%zu measurements asked, an outcome holds at most 64",
                         circuit->num_measurements);
    for (size_t i = 0; i < circuit->num_measurements; i++)
        if (circuit->measurements[i] >= n)
            return coda_fail(CODA_UNSUPPORTED, "measurements[%zu]: qubit %u is out of range [0, %u)", i,
                             circuit->measurements[i], n);
    return true;
}

static const matrix identity = {{{{1, 0}, {0, 0}}, {{0, 0}, {1, 0}}}};

/* exp(-i angle/2 P) from the cosine and sine of half the angle. */
static matrix x_rotation(double c, double s) { return (matrix){{{{c, 0}, {0, -s}}, {{0, -s}, {c, 0}}}}; }
static matrix y_rotation(double c, double s) { return (matrix){{{{c, 0}, {-s, 0}}, {{s, 0}, {c, 0}}}}; }
static matrix z_rotation(double c, double s) { return (matrix){{{{c, -s}, {0, 0}}, {{0, 0}, {c, s}}}}; }

static const double root_half = 0.70710678118654752440; /* cos and sin of pi/4, made equal: x90 twice is exactly x */

static matrix one_qubit_gate(coda_operation op) {
    double half = op.param / 2;
    switch (op.gate) {
    case CODA_RX: return x_rotation(cos(half), sin(half));
    case CODA_RY: return y_rotation(cos(half), sin(half));
    case CODA_RZ:
    case CODA_VIRTUAL_Z: return z_rotation(cos(half), sin(half));
    case CODA_X90: return x_rotation(root_half, root_half);
    case CODA_Y_MINUS_90: return y_rotation(root_half, -root_half);
    default: return identity; /* id */
    }
}

/* Exact zeros stay zeros in products of diagonal matrices. */
static bool diagonal(const matrix *m) {
    return m->at[0][1].re == 0 && m->at[0][1].im == 0 && m->at[1][0].re == 0 && m->at[1][0].im == 0;
}

/* One-qubit gates wait, multiplied together, until a coupling needs their qubit:
 * one pass over the state then serves them all. */
typedef struct {
    state *psi;
    int *slots;
    matrix pending[MAX_QUBITS];
} run;

static void flush(run *r, unsigned q) {
    matrix m = r->pending[q];
    r->pending[q] = identity;
    if (r->slots[q] == NO_SLOT) {
        r->slots[q] = (int)state_join(r->psi, m.at[0][0], m.at[1][0]);
    } else if (diagonal(&m)) {
        /* A phase of the whole state shows nowhere: only the difference counts. */
        complex phase = times(m.at[1][1], conjugate(m.at[0][0]));
        if (phase.re != 1 || phase.im != 0) state_phase(r->psi, (size_t)1 << r->slots[q], phase);
    } else {
        state_apply(r->psi, (unsigned)r->slots[q], m);
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
        state_phase(r->psi, (size_t)1 << r->slots[a] | (size_t)1 << r->slots[b], phase);
        break;
    case CODA_CNOT:
        flush_across(r, a);
        flush(r, b);
        state_cnot(r->psi, (unsigned)r->slots[a], (unsigned)r->slots[b]);
        break;
    default: /* iswap */
        flush(r, a);
        flush(r, b);
        state_iswap(r->psi, (unsigned)r->slots[a], (unsigned)r->slots[b]);
    }
}

static uint32_t measured_qubits(const coda_circuit *circuit) {
    uint32_t qubits = 0;
    for (size_t i = 0; i < circuit->num_measurements; i++) qubits |= 1u << circuit->measurements[i];
    return qubits;
}

/* How many qubits can come to join the state. */
static unsigned width_needed(const coda_circuit *circuit, uint32_t measured) {
    uint32_t coupled = 0, rotated = 0;
    for (size_t i = 0; i < circuit->num_operations; i++) {
        coda_operation op = circuit->operations[i];
        if (couples(op.gate)) coupled |= 1u << op.q0 | 1u << op.q1;
        else rotated |= 1u << op.q0;
    }
    return (unsigned)__builtin_popcount(coupled | (rotated & measured));
}

static bool reserve(state *psi, unsigned width) {
    if (state_begin(psi, width)) return true;
    uint64_t bytes = state_bytes(width), results = 16;
    return coda_fail(CODA_UNSUPPORTED,
                     "a state of %u qubits takes %llu bytes, more than the memory limit leaves: set limits.memory in "
                     "the device file to at least %llu MiB",
                     width, (unsigned long long)bytes, (unsigned long long)((bytes >> 20) + results));
}

bool circuit_run(const coda_circuit *circuit, state *psi, int slots[MAX_QUBITS]) {
    if (!check(circuit)) return false;
    uint32_t measured = measured_qubits(circuit);
    if (!reserve(psi, width_needed(circuit, measured))) return false;
    run r = {.psi = psi, .slots = slots};
    for (unsigned q = 0; q < MAX_QUBITS; q++) {
        slots[q] = NO_SLOT;
        r.pending[q] = identity;
    }

    enum { POLL = 1 << 22 }; /* amplitudes touched between two questions: some 20 ms */
    size_t touched = 0;
    for (size_t i = 0; i < circuit->num_operations; i++) {
        coda_operation op = circuit->operations[i];
        if (!couples(op.gate)) {
            r.pending[op.q0] = product(one_qubit_gate(op), r.pending[op.q0]);
            continue;
        }
        couple(&r, op);
        touched += (size_t)1 << psi->width;
        if (touched >= POLL) {
            touched = 0;
            if (coda_cancelled())
                return coda_fail(CODA_CANCELLED, "cancelled after %zu of %zu gates", i + 1, circuit->num_operations);
        }
    }

    /* What is left changes a readout only if it mixes |0> and |1> of a measured
     * qubit. */
    for (unsigned q = 0; q < circuit->num_qubits; q++)
        if ((measured >> q & 1) != 0 && !diagonal(&r.pending[q])) flush(&r, q);
    return true;
}
