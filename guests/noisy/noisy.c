/*
 * The noisy simulator: a linear chain of qubits with depolarizing noise after
 * gates and before readouts. README.md has the settings and the model.
 */
#include <string.h>

#include "coda.h"
#include "exact.h"
#include "settings.h"
#include "trajectories.h"

enum {
    DEFAULT_QUBITS = 5,
    MOST_QUBITS = 25, /* four states of 512 MiB */
};

static const uint64_t most_shots = 1000 * 1000 * 1000; /* some seconds on a few qubits */

typedef uint8_t method;
enum { AUTO, EXACT, TRAJECTORIES };

static noise rates = {.single_qubit = 0.001, .two_qubit = 0.01, .measurement = 0.01};
static coda_target target = CODA_TARGET_CNOT;
static unsigned num_qubits = DEFAULT_QUBITS;
static method chosen = AUTO;

static bool setting_method(void) {
    static const char *const names[] = {"auto", "exact", "trajectories"};
    const char *text = coda_config_get("method");
    if (text == NULL) return true;
    for (method i = AUTO; i <= TRAJECTORIES; i++) {
        if (strcmp(text, names[i]) == 0) {
            chosen = i;
            return true;
        }
    }
    return coda_fail(CODA_INTERNAL, "setting method: \"%s\" is not one of auto, exact, trajectories", text);
}

static const char *const names[] = {
    "num_qubits", "target", "single_qubit_error_rate", "two_qubit_error_rate", "measurement_error_rate", "method", "seed",
};

bool coda_open(coda_device *device) {
    uint64_t qubits = DEFAULT_QUBITS;
    if (!settings_known(names, sizeof names / sizeof *names) ||
        !setting_number("num_qubits", 1, MOST_QUBITS, &qubits) ||
        !setting_rate("single_qubit_error_rate", &rates.single_qubit) ||
        !setting_rate("two_qubit_error_rate", &rates.two_qubit) ||
        !setting_rate("measurement_error_rate", &rates.measurement) || !setting_target(&target) ||
        !setting_method() || !setting_seed())
        return false;
    num_qubits = (unsigned)qubits;

    static coda_edge edges[MOST_QUBITS - 1];
    for (uint16_t i = 0; i + 1u < num_qubits; i++) edges[i] = (coda_edge){.control = i + 1, .target = i};
    *device = (coda_device){
        .name = "noisy",
        .target = target,
        .num_qubits = (uint16_t)num_qubits,
        .edges = edges,
        .num_edges = num_qubits - 1,
        .directed = true,
        .has_max_shots = true,
        .max_shots = most_shots,
    };
    return true;
}

/* Exact numbers are 4^n whatever the shots; trajectories 2^n for each shot with an
 * error. */
static bool exact_is_cheaper(const coda_job *job) {
    unsigned width = circuit_width(&job->circuit);
    if (width > EXACT_QUBITS) return false;
    double flawless = 1;
    for (size_t i = 0; i < job->circuit.num_operations; i++)
        flawless *= 1 - (couples(job->circuit.operations[i].gate) ? rates.two_qubit * 15 / 16 : rates.single_qubit * 3 / 4);
    return (double)job->shots * (1 - flawless) > 2 * (double)((uint64_t)1 << width);
}

bool coda_run(const coda_job *job, coda_execution *execution) {
    const coda_circuit *circuit = &job->circuit;
    if (circuit->target != target)
        return coda_fail(CODA_UNSUPPORTED, "the circuit was compiled for the target %s, the device noisy has %s",
                         target_name(circuit->target), target_name(target));
    if (circuit->num_qubits > num_qubits)
        return coda_fail(CODA_UNSUPPORTED, "the circuit has %u qubits, the device noisy has %u", circuit->num_qubits,
                         num_qubits);
    random_stream stream;
    if (!circuit_check(circuit, num_qubits) || !seeded_stream(&stream)) return false;

    work work = {.shots = job->shots};
    readout readout = readout_begin(circuit, rates.measurement, &stream, &work);
    bool exact = chosen == EXACT || (chosen == AUTO && exact_is_cheaper(job));
    if (!(exact ? exact_run : trajectories_run)(circuit, rates, &readout)) return false;
    readout_end(&readout);

    *execution = (coda_execution){
        .outcomes = readout.outcomes,
        .num_outcomes = readout.num_outcomes,
        .shots_completed = job->shots,
    };
    return true;
}
