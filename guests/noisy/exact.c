/*
 * The density matrix, written as the expectation values of the Pauli strings: 4^n
 * real numbers, where base-4 digit s of an index is the Pauli on the qubit in slot
 * s. A gate on one qubit rotates its x, y and z; a depolarizing channel of rate r
 * multiplies what it acts on by 1 - r, and leaves the identity. So both are one
 * 3x3 matrix, and as with the state vector they wait, multiplied together, until
 * a coupling needs their qubit.
 *
 * Every coupling is a rotation about ZZ with gates on one qubit around it. Those
 * after it may wait, too: the channel that follows a coupling is the same from
 * every side, so it may come before them.
 */
#include "exact.h"

#include <math.h>

#include "circuit.h"
#include "memory.h"
#include "run.h"

/* What happens to (x, y, z). */
typedef struct {
    double at[3][3];
} turn;

static const turn rest = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
static const turn hadamard = {{{0, 0, 1}, {0, -1, 0}, {1, 0, 0}}};

static turn about_z(double c, double s) { return (turn){{{c, -s, 0}, {s, c, 0}, {0, 0, 1}}}; }

static turn after(turn second, turn first) {
    turn both;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            both.at[i][j] = 0;
            for (int k = 0; k < 3; k++) both.at[i][j] += second.at[i][k] * first.at[k][j];
        }
    return both;
}

/* A column is where a gate u takes a Pauli p: u p u^dagger, by its components. */
static turn turn_of(matrix u) {
    matrix dagger = {{{conjugate(u.at[0][0]), conjugate(u.at[1][0])}, {conjugate(u.at[0][1]), conjugate(u.at[1][1])}}};
    turn t;
    for (int j = 0; j < 3; j++) {
        matrix to = product(product(u, paulis[X + j]), dagger);
        t.at[0][j] = to.at[1][0].re;
        t.at[1][j] = to.at[1][0].im;
        t.at[2][j] = (to.at[0][0].re - to.at[1][1].re) / 2;
    }
    return t;
}

typedef struct {
    double *values;
    unsigned width;
    int slots[MAX_QUBITS];
    turn pending[MAX_QUBITS];
} mixture;

static size_t strings(const mixture *m) { return (size_t)1 << 2 * m->width; }

/* Lets a qubit join in |0>, which is z = 1. */
static void join(mixture *m, unsigned q) {
    if (m->slots[q] != NO_SLOT) return;
    size_t n = strings(m);
    for (size_t i = 0; i < n; i++) {
        m->values[i + X * n] = m->values[i + Y * n] = 0;
        m->values[i + Z * n] = m->values[i];
    }
    m->slots[q] = (int)m->width++;
}

static inline void apply(const turn *t, double *x, double *y, double *z) {
    double a = *x, b = *y, c = *z;
    *x = t->at[0][0] * a + t->at[0][1] * b + t->at[0][2] * c;
    *y = t->at[1][0] * a + t->at[1][1] * b + t->at[1][2] * c;
    *z = t->at[2][0] * a + t->at[2][1] * b + t->at[2][2] * c;
}

static inline void rotate(double c, double s, double *x, double *y) {
    double a = *x, b = *y;
    *x = c * a - s * b;
    *y = s * a + c * b;
}

/* Makes room for a zero digit at the place whose lower digits are below `digit`. */
static inline size_t skip(size_t k, size_t digit) { return (k & (digit - 1)) | (k & -digit) << 2; }

/* What waits for two qubits, exp(-i angle/2 ZZ) by the angle's cosine and sine, and
 * the channel that leaves `keep`, in one pass. */
static void rotate_zz(mixture *m, unsigned a, unsigned b, double c, double s, double keep) {
    turn turn_a = m->pending[a], turn_b = m->pending[b];
    m->pending[a] = m->pending[b] = rest;
    size_t digit_a = (size_t)1 << 2 * m->slots[a], digit_b = (size_t)1 << 2 * m->slots[b];
    size_t low = digit_a < digit_b ? digit_a : digit_b, high = digit_a ^ digit_b ^ low;
    for (size_t k = 0; k < strings(m) / 16; k++) {
        double *at = m->values + skip(skip(k, low), high), v[4][4];
        for (size_t p = I; p <= Z; p++)
            for (size_t q = I; q <= Z; q++) v[p][q] = at[p * digit_a + q * digit_b];
        for (size_t q = I; q <= Z; q++) apply(&turn_a, &v[X][q], &v[Y][q], &v[Z][q]);
        for (size_t p = I; p <= Z; p++) apply(&turn_b, &v[p][X], &v[p][Y], &v[p][Z]);
        rotate(c, s, &v[X][I], &v[Y][Z]);
        rotate(c, s, &v[X][Z], &v[Y][I]);
        rotate(c, s, &v[I][X], &v[Z][Y]);
        rotate(c, s, &v[Z][X], &v[I][Y]);
        double identity_value = v[I][I];
        for (size_t p = I; p <= Z; p++)
            for (size_t q = I; q <= Z; q++) at[p * digit_a + q * digit_b] = keep * v[p][q];
        at[0] = identity_value;
    }
}

static void wait_for(mixture *m, unsigned q, turn t) { m->pending[q] = after(t, m->pending[q]); }

static void couple(mixture *m, coda_operation op, double keep) {
    unsigned a = op.q0, b = op.q1;
    join(m, a);
    join(m, b);
    const turn quarter = about_z(0, 1), half = about_z(-1, 0);
    switch (op.gate) {
    case CODA_CP: { /* rz(angle/2) on both, and about ZZ by -angle/2 */
        double c = cos(op.param / 2), s = sin(op.param / 2);
        wait_for(m, a, about_z(c, s));
        wait_for(m, b, about_z(c, s));
        rotate_zz(m, a, b, c, -s, keep);
        break;
    }
    case CODA_CZ:
        wait_for(m, a, quarter);
        wait_for(m, b, quarter);
        rotate_zz(m, a, b, 0, -1, keep);
        break;
    case CODA_CNOT: /* cz with a Hadamard gate on either side */
        wait_for(m, a, quarter);
        wait_for(m, b, after(quarter, hadamard));
        rotate_zz(m, a, b, 0, -1, keep);
        m->pending[b] = hadamard;
        break;
    default: { /* iswap: cz, rz(pi/2) on both, and an exchange */
        wait_for(m, a, half);
        wait_for(m, b, half);
        rotate_zz(m, a, b, 0, -1, keep);
        int slot = m->slots[a];
        m->slots[a] = m->slots[b];
        m->slots[b] = slot;
    }
    }
}

/* Reads the measured slots' probabilities off the values, in their place: of each
 * slot, the highest first, the four digits become its two outcomes, or are left
 * out but for the identity. What is written was read before. */
static double *distribution(mixture *m, uint32_t measured) {
    turn turns[EXACT_QUBITS];
    bool kept[EXACT_QUBITS] = {0};
    for (unsigned q = 0; q < MAX_QUBITS; q++) {
        if (m->slots[q] == NO_SLOT) continue;
        turns[m->slots[q]] = m->pending[q];
        kept[m->slots[q]] = (measured >> q & 1) != 0;
    }
    double *v = m->values;
    size_t blocks = 1;
    for (unsigned slot = m->width; slot-- > 0;) {
        size_t n = (size_t)1 << 2 * slot;
        const double *z = turns[slot].at[2];
        for (size_t block = 0; block < blocks; block++)
            for (size_t i = 0; i < n; i++) {
                const double *from = v + 4 * block * n + i;
                double sum = from[0], difference = z[0] * from[n] + z[1] * from[2 * n] + z[2] * from[3 * n];
                if (!kept[slot]) {
                    v[block * n + i] = sum;
                    continue;
                }
                v[2 * block * n + i] = (sum + difference) / 2;
                v[(2 * block + 1) * n + i] = (sum - difference) / 2;
            }
        if (kept[slot]) blocks *= 2;
    }
    /* What should be 0 may have come out just below. */
    for (size_t i = 0; i < blocks; i++)
        if (v[i] < 0) v[i] = 0;
    return v;
}

bool exact_run(const coda_circuit *circuit, noise noise, readout *r) {
    unsigned width = circuit_width(circuit);
    if (width > EXACT_QUBITS)
        return coda_fail(CODA_UNSUPPORTED, "the method exact holds at most %d qubits, and the circuit uses %u",
                         EXACT_QUBITS, width);
    uint64_t bytes = (uint64_t)sizeof(double) << 2 * width;
    mixture m = {.values = memory_region(bytes)};
    if (m.values == NULL)
        return coda_fail(CODA_UNSUPPORTED,
                         "simulating %u qubits exactly takes %llu bytes, more than the memory limit leaves: raise "
                         "limits.memory in the device file",
                         width, (unsigned long long)bytes);
    m.values[0] = 1;
    for (unsigned q = 0; q < MAX_QUBITS; q++) {
        m.slots[q] = NO_SLOT;
        m.pending[q] = rest;
    }

    uint32_t measured = circuit_measured(circuit);
    double keep = 1 - noise.single_qubit;
    const turn fade = {{{keep, 0, 0}, {0, keep, 0}, {0, 0, keep}}};
    for (size_t i = 0; i < circuit->num_operations; i++) {
        coda_operation op = circuit->operations[i];
        if (couples(op.gate)) {
            couple(&m, op, 1 - noise.two_qubit);
            if (!work_goes_on(r->work, strings(&m))) return false;
        } else {
            wait_for(&m, op.q0, after(fade, turn_of(circuit_gate(op))));
            if (!work_goes_on(r->work, 16)) return false;
        }
    }
    for (size_t i = 0; i < circuit->num_operations; i++)
        if ((measured >> circuit->operations[i].q0 & 1) != 0) join(&m, circuit->operations[i].q0);
    double *p = distribution(&m, measured);
    return readout_draw(r, p, m.slots, measured_slots(circuit, m.slots), r->work->shots);
}
