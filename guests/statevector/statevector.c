/*
 * The exact simulator: runs circuits of every target on a state vector in double
 * precision, then draws the shots from the final distribution.
 *
 * Settings: `seed`, a decimal number of 64 bits (the same seed and the same job
 * give the same counts; without it every job is drawn anew), and `target`, what
 * the device reports as its own (default cnot).
 */
#include "coda.h"
#include "run.h"
#include "sample.h"
#include "settings.h"

static const char *const names[] = {"target", "seed"};

bool coda_open(coda_device *device) {
    *device = (coda_device){.name = "statevector", .target = CODA_TARGET_CNOT, .num_qubits = MAX_QUBITS};
    return settings_known(names, sizeof names / sizeof *names) && setting_target(&device->target) && setting_seed();
}

static bool apply_all(run *r, const coda_circuit *circuit) {
    enum { POLL = 1 << 22 }; /* amplitudes touched between two questions: some 20 ms */
    size_t touched = 0;
    for (size_t i = 0; i < circuit->num_operations; i++) {
        coda_operation op = circuit->operations[i];
        run_apply(r, op);
        if (!couples(op.gate)) continue;
        touched += (size_t)1 << r->psi.width;
        if (touched >= POLL) {
            touched = 0;
            if (coda_cancelled())
                return coda_fail(CODA_CANCELLED, "cancelled after %zu of %zu gates", i + 1, circuit->num_operations);
        }
    }
    run_end(r, circuit);
    return true;
}

/* The bits of the measurements, where `set` are the qubits that are 1. */
static uint64_t readout(const coda_circuit *circuit, uint32_t set) {
    uint64_t bits = 0;
    for (size_t i = 0; i < circuit->num_measurements; i++)
        bits |= (uint64_t)(set >> circuit->measurements[i] & 1) << i;
    return bits;
}

bool coda_run(const coda_job *job, coda_execution *execution) {
    const coda_circuit *circuit = &job->circuit;
    run r;
    random_stream stream;
    if (!circuit_check(circuit, MAX_QUBITS) || !run_begin(&r, 1, circuit) || !apply_all(&r, circuit) ||
        !seeded_stream(&stream))
        return false;

    size_t measured = measured_slots(circuit, r.slots);
    double *distribution = state_distribution(&r.psi, measured);
    sample drawn;
    if (!sample_draw(distribution, (size_t)1 << __builtin_popcountl(measured), job->shots, &stream, &drawn))
        return coda_fail(CODA_UNSUPPORTED,
                         "more outcomes than the memory limit leaves room for: raise limits.memory in the device file");
    for (size_t i = 0; i < drawn.num_outcomes; i++) {
        uint32_t set = qubits_set(r.slots, measured, drawn.outcomes[i].bits);
        drawn.outcomes[i].bits = readout(circuit, set);
    }

    *execution = (coda_execution){
        .outcomes = drawn.outcomes,
        .num_outcomes = drawn.num_outcomes,
        .shots_completed = job->shots,
    };
    return true;
}
