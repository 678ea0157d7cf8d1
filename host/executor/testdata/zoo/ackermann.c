// tries: a recursion that grows faster than any loop
// must: limit "the job ran longer than limits.job_time = 300ms; it was killed" at run
// limits: job_time = "300ms"
#include "coda.h"

static unsigned ackermann(unsigned m, unsigned n) {
    if (m == 0) {
        return n + 1;
    }
    return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

bool coda_open(coda_device *device) {
    *device = (coda_device){.name = "ackermann", .target = CODA_TARGET_CNOT, .num_qubits = 50};
    return true;
}

bool coda_run(const coda_job *job, coda_execution *execution) {
    static coda_outcome zeros;
    zeros.count = job->shots;
    if (job->circuit.num_qubits == 13) {
        for (;;) {
            zeros.count += ackermann(3, 6);
        }
    }
    *execution = (coda_execution){.outcomes = &zeros, .num_outcomes = 1, .shots_completed = job->shots};
    return true;
}
