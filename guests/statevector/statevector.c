/*
 * The exact simulator: runs circuits of every target on a state vector in double
 * precision, then draws the shots from the final distribution.
 *
 * Settings: `seed`, a decimal number of 64 bits (the same seed and the same job
 * give the same counts; without it every job is drawn anew), and `target`, what
 * the device reports as its own (default cnot).
 */
#include <string.h>

#include "circuit.h"
#include "coda.h"
#include "sample.h"

/* WASI: fills the buffer from the host's randomness; 0 on success. */
__attribute__((import_module("wasi_snapshot_preview1"), import_name("random_get")))
uint32_t random_get(void *buffer, size_t length);

static bool seeded;
static uint64_t seed;

static bool parse_number(const char *text, uint64_t *number) {
    uint64_t n = 0;
    if (*text == 0) return false;
    for (; *text != 0; text++) {
        if (*text < '0' || *text > '9') return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (n > (UINT64_MAX - digit) / 10) return false;
        n = 10 * n + digit;
    }
    *number = n;
    return true;
}

static bool parse_target(const char *text, coda_target *target) {
    static const char *const names[] = {"cz", "iswap", "pcz", "cnot"};
    for (coda_target i = 0; i < 4; i++) {
        if (strcmp(text, names[i]) == 0) {
            *target = i;
            return true;
        }
    }
    return false;
}

bool coda_open(coda_device *device) {
    *device = (coda_device){.name = "statevector", .target = CODA_TARGET_CNOT, .num_qubits = MAX_QUBITS};

    const char *target = coda_config_get("target");
    if (target != NULL && !parse_target(target, &device->target))
        return coda_fail(CODA_INTERNAL, "setting target: \"%s\" is not one of cz, iswap, pcz, cnot", target);

    const char *text = coda_config_get("seed");
    seeded = text != NULL;
    if (seeded && !parse_number(text, &seed))
        return coda_fail(CODA_INTERNAL, "setting seed: \"%s\" is not a decimal number from 0 to 18446744073709551615",
                         text);
    return true;
}

/* Seeded anew for every job, so that a job's counts do not depend on those that
 * ran before it. */
static bool begin_stream(random_stream *stream) {
    uint64_t start = seed;
    if (!seeded && random_get(&start, sizeof start) != 0)
        return coda_fail(CODA_INTERNAL, "the host gave no random numbers to seed the simulator with");
    *stream = random_seeded(start);
    return true;
}

/* From the bits of the distribution, which has one for each measured slot in
 * ascending order, to one for each measurement; a qubit outside the state reads
 * zero. */
static uint64_t readout(const coda_circuit *circuit, const int *slots, size_t measured, uint64_t index) {
    uint64_t bits = 0;
    for (size_t i = 0; i < circuit->num_measurements; i++) {
        int slot = slots[circuit->measurements[i]];
        if (slot == NO_SLOT) continue;
        int place = __builtin_popcountl(measured & (((size_t)1 << slot) - 1));
        bits |= (index >> place & 1) << i;
    }
    return bits;
}

bool coda_run(const coda_job *job, coda_execution *execution) {
    const coda_circuit *circuit = &job->circuit;
    state psi;
    int slots[MAX_QUBITS];
    random_stream stream;
    if (!circuit_run(circuit, &psi, slots) || !begin_stream(&stream)) return false;

    size_t measured = 0;
    for (size_t i = 0; i < circuit->num_measurements; i++) {
        int slot = slots[circuit->measurements[i]];
        if (slot != NO_SLOT) measured |= (size_t)1 << slot;
    }
    double *distribution = state_distribution(&psi, measured);
    sample drawn;
    if (!sample_draw(distribution, (size_t)1 << __builtin_popcountl(measured), job->shots, &stream, &drawn))
        return coda_fail(CODA_UNSUPPORTED,
                         "more outcomes than the memory limit leaves room for: raise limits.memory in the device file");
    for (size_t i = 0; i < drawn.num_outcomes; i++)
        drawn.outcomes[i].bits = readout(circuit, slots, measured, drawn.outcomes[i].bits);

    *execution = (coda_execution){
        .outcomes = drawn.outcomes,
        .num_outcomes = drawn.num_outcomes,
        .shots_completed = job->shots,
    };
    return true;
}
