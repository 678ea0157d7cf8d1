/* Starter is an executor: an exact simulator of a few qubits. Replace what it does by
 * what your machine does; the shape stays. */
#define _DEFAULT_SOURCE /* getentropy */
#include "coda.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_QUBITS = 12, MAX_STATES = 1 << MAX_QUBITS, MAX_SHOTS = 1000000 };

static const double PI = 3.14159265358979323846;

static uint64_t seed;

/* The amplitudes; bit q of an index is qubit q. */
typedef struct {
    double re, im;
} amplitude;
static amplitude state[MAX_STATES];
static size_t num_states;

/* Prepares the backend, once per instance, and says what it is. */
bool coda_open(coda_device *device) {
    const char *text = coda_config_get("seed");
    if (text == NULL && getentropy(&seed, sizeof seed) != 0) return coda_fail(CODA_INTERNAL, "no entropy for a seed");
    if (text != NULL) {
        const char *digit = text;
        for (seed = 0; *digit >= '0' && *digit <= '9'; digit++) {
            uint64_t value = (uint64_t)(*digit - '0');
            if (seed > (UINT64_MAX - value) / 10) break;
            seed = 10 * seed + value;
        }
        if (digit == text || *digit != 0)
            return coda_fail(CODA_INTERNAL, "setting seed: \"%s\" is not a whole number from 0 to 2^64-1", text);
    }
    *device = (coda_device){
        .name = "starter",
        .target = CODA_TARGET_CNOT,
        .num_qubits = MAX_QUBITS,
        .has_max_shots = true,
        .max_shots = MAX_SHOTS,
    };
    return true;
}

/* Multiplies a qubit by a matrix: row by row, each entry's real and imaginary part. */
static void turn(unsigned qubit, const double m[8]) {
    for (size_t i = 0; i < num_states; i++) {
        size_t j = i | (size_t)1 << qubit;
        if (i == j) continue;
        amplitude a = state[i], b = state[j];
        state[i] = (amplitude){m[0] * a.re - m[1] * a.im + m[2] * b.re - m[3] * b.im,
                               m[0] * a.im + m[1] * a.re + m[2] * b.im + m[3] * b.re};
        state[j] = (amplitude){m[4] * a.re - m[5] * a.im + m[6] * b.re - m[7] * b.im,
                               m[4] * a.im + m[5] * a.re + m[6] * b.im + m[7] * b.re};
    }
}

static void rotate_x(unsigned qubit, double angle) {
    double c = cos(angle / 2), s = sin(angle / 2);
    turn(qubit, (double[]){c, 0, 0, -s, 0, -s, c, 0});
}

static void rotate_y(unsigned qubit, double angle) {
    double c = cos(angle / 2), s = sin(angle / 2);
    turn(qubit, (double[]){c, 0, -s, 0, s, 0, c, 0});
}

static void rotate_z(unsigned qubit, double angle) {
    double c = cos(angle / 2), s = sin(angle / 2);
    turn(qubit, (double[]){c, -s, 0, 0, 0, 0, c, s});
}

static void cnot(unsigned control, unsigned target) {
    for (size_t i = 0; i < num_states; i++) {
        if ((i >> control & 1) == 0 || (i >> target & 1) == 1) continue;
        size_t j = i | (size_t)1 << target;
        amplitude a = state[i];
        state[i] = state[j];
        state[j] = a;
    }
}

static bool apply(coda_operation op) {
    switch (op.gate) {
    case CODA_RX: rotate_x(op.q0, op.param); return true;
    case CODA_RY: rotate_y(op.q0, op.param); return true;
    case CODA_RZ:
    case CODA_VIRTUAL_Z: rotate_z(op.q0, op.param); return true;
    case CODA_X90: rotate_x(op.q0, PI / 2); return true;
    case CODA_Y_MINUS_90: rotate_y(op.q0, -PI / 2); return true;
    case CODA_ID: return true; /* waiting changes nothing here */
    case CODA_CNOT: cnot(op.q0, op.q1); return true;
    }
    return coda_fail(CODA_UNSUPPORTED, "gate number %u; this device has rx, ry, rz, x90, y_minus_90, virtual_z, id and cnot",
                     (unsigned)op.gate);
}

/* splitmix64, as a number from 0 to below 1. */
static double next_random(uint64_t *random) {
    uint64_t z = *random += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* What the measurements see of a state: bit i is measurements[i]. */
static uint64_t readout(size_t index, const coda_circuit *circuit) {
    uint64_t bits = 0;
    for (size_t i = 0; i < circuit->num_measurements; i++)
        bits |= (uint64_t)(index >> circuit->measurements[i] & 1) << i;
    return bits;
}

static int by_bits(const void *a, const void *b) {
    uint64_t x = ((const coda_outcome *)a)->bits, y = ((const coda_outcome *)b)->bits;
    return (x > y) - (x < y);
}

/* Draws the shots: the same ones for the same seed and job. */
static bool measure(const coda_job *job, coda_execution *execution) {
    static double below[MAX_STATES]; /* the probability of this state or one before it */
    static coda_outcome outcomes[MAX_STATES];
    double sum = 0;
    for (size_t i = 0; i < num_states; i++) {
        below[i] = sum += state[i].re * state[i].re + state[i].im * state[i].im;
        outcomes[i] = (coda_outcome){readout(i, &job->circuit), 0};
    }
    uint64_t random = seed;
    for (uint64_t shot = 0; shot < job->shots; shot++) {
        if (shot % 10000 == 0) {
            if (coda_cancelled()) return coda_fail(CODA_CANCELLED, "cancelled after %llu shots", (unsigned long long)shot);
            coda_progress(shot);
        }
        double drawn = next_random(&random) * sum;
        size_t low = 0, high = num_states - 1; /* the first state with below > drawn */
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (below[middle] > drawn)
                high = middle;
            else
                low = middle + 1;
        }
        outcomes[low].count++;
    }
    /* Each outcome once, and none without a count. */
    qsort(outcomes, num_states, sizeof *outcomes, by_bits);
    size_t kept = 0;
    for (size_t i = 0; i < num_states; i++) {
        if (outcomes[i].count == 0) continue;
        if (kept > 0 && outcomes[kept - 1].bits == outcomes[i].bits)
            outcomes[kept - 1].count += outcomes[i].count;
        else
            outcomes[kept++] = outcomes[i];
    }
    *execution = (coda_execution){.outcomes = outcomes, .num_outcomes = kept, .shots_completed = job->shots};
    return true;
}

/* Runs one circuit. The node has checked it against the device. */
bool coda_run(const coda_job *job, coda_execution *execution) {
    const coda_circuit *circuit = &job->circuit;
    if (circuit->target != CODA_TARGET_CNOT)
        return coda_fail(CODA_UNSUPPORTED, "circuit compiled for target number %u; this device runs cnot",
                         (unsigned)circuit->target);
    num_states = (size_t)1 << circuit->num_qubits;
    for (size_t i = 0; i < num_states; i++) state[i] = (amplitude){i == 0, 0};
    for (size_t i = 0; i < circuit->num_operations; i++) {
        if (i % 1000 == 0 && coda_cancelled())
            return coda_fail(CODA_CANCELLED, "cancelled at gate %zu of %zu", i, circuit->num_operations);
        if (!apply(circuit->operations[i])) return false;
    }
    return measure(job, execution);
}
