// tries: to write over its own stack, heap and result
// must: trapped "out of bounds memory access" at run
#include "coda.h"

bool coda_open(coda_device *device) {
    *device = (coda_device){.name = "smash", .target = CODA_TARGET_CNOT, .num_qubits = 50};
    return true;
}

bool coda_run(const coda_job *job, coda_execution *execution) {
    static coda_outcome zeros;
    zeros.count = job->shots;
    *execution = (coda_execution){.outcomes = &zeros, .num_outcomes = 1, .shots_completed = job->shots};
    if (job->circuit.num_qubits == 13) {
        for (volatile unsigned char *at = (unsigned char *)16;; at++) {
            *at = 0xa5;
        }
    }
    return true;
}
