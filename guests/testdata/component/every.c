/* An executor for the tests that uses all of the SDK. What it does depends on
 * the job's id. */
#include "coda.h"

static bool equal(const char *a, const char *b) {
    for (; *a != 0 && *a == *b; a++) b++;
    return *a == *b;
}

bool coda_open(coda_device *device) {
    static const coda_edge edges[] = {{1, 0}, {2, 1}};

    coda_log(CODA_DEBUG, "%d %u %x %ld %lu %lld %llu %zu %% %s|", -7, 4294967295u, 0x434f4441u, -2147483647L - 1,
             4294967295ul, (long long)INT64_MIN, (unsigned long long)UINT64_MAX, (size_t)9, "text");
    coda_log(CODA_ERROR, "one %u and %c%s", 1u, 'x', "y");
    size_t num_keys;
    const char *const *keys = coda_config_keys(&num_keys);
    for (size_t i = 0; i < num_keys; i++) coda_log(CODA_INFO, "%s=%s", keys[i], coda_config_get(keys[i]));
    if (coda_config_get("absent") != NULL) return coda_fail(CODA_INTERNAL, "an absent setting has a value");
    if (coda_config_get("silent") != NULL) return false;

    *device = (coda_device){
        .name = "every",
        .target = CODA_TARGET_PCZ,
        .num_qubits = 3,
        .edges = edges,
        .num_edges = 2,
        .directed = true,
        .has_max_shots = true,
        .max_shots = UINT64_MAX,
    };
    return true;
}

/* Fails with more text than is kept, of characters of several bytes. */
static bool fail_at_length(void) {
    static char text[2001];
    text[0] = '.'; /* so that the cut falls inside a character */
    for (size_t i = 1; i + 1 < sizeof text; i += 2) text[i] = (char)0xC3, text[i + 1] = (char)0xA9;
    text[sizeof text - 2] = 0;
    return coda_fail(CODA_UNAVAILABLE, "%s", text);
}

/* Allocates until the arena has grown several times, and looks whether blocks
 * overlap. */
static bool use_memory(void) {
    enum { BLOCKS = 64 };
    unsigned char *blocks[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = coda_alloc(5000 * (i + 1));
        if (blocks[i] == NULL || (size_t)blocks[i] % 16 != 0) return coda_fail(CODA_INTERNAL, "block %zu", i);
        for (size_t k = 0; k < 5000 * (i + 1); k++) blocks[i][k] = (unsigned char)i;
    }
    for (size_t i = 0; i < BLOCKS; i++)
        for (size_t k = 0; k < 5000 * (i + 1); k++)
            if (blocks[i][k] != i) return coda_fail(CODA_INTERNAL, "block %zu was overwritten", i);
    if (coda_alloc(SIZE_MAX) != NULL || coda_alloc(SIZE_MAX - 100000) != NULL)
        return coda_fail(CODA_INTERNAL, "more memory than there is");
    return true;
}

bool coda_run(const coda_job *job, coda_execution *execution) {
    const coda_circuit *circuit = &job->circuit;
    if (coda_cancelled()) return coda_fail(CODA_CANCELLED, "cancelled");
    if (equal(job->id, "fail-at-length")) return fail_at_length();
    if (equal(job->id, "use-memory") && !use_memory()) return false;

    coda_log(CODA_WARN, "job %s of %s: target %u, %u qubits", job->id, circuit->source_hash, circuit->target,
             circuit->num_qubits);
    for (size_t i = 0; i < circuit->num_operations; i++) {
        coda_operation op = circuit->operations[i];
        coda_log(CODA_WARN, "gate %u on %u, %u: %d/1000", op.gate, op.q0, op.q1, (int)(op.param * 1000));
    }
    coda_progress(job->shots);

    /* One shot for each measured qubit, the rest for the outcome of all zeros. */
    size_t n = circuit->num_measurements;
    coda_outcome *outcomes = coda_alloc((n + 1) * sizeof *outcomes);
    if (outcomes == NULL) return coda_fail(CODA_INTERNAL, "no memory");
    for (size_t i = 0; i < n; i++) outcomes[i] = (coda_outcome){(uint64_t)1 << circuit->measurements[i], 1};
    outcomes[n] = (coda_outcome){0, job->shots - n};
    *execution = (coda_execution){
        .outcomes = outcomes,
        .num_outcomes = n + 1,
        .shots_completed = job->shots,
        .has_elapsed_ns = true,
        .elapsed_ns = 1234567890123,
    };
    return true;
}
