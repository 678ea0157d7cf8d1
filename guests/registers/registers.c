/*
 * Runs circuits on a sequencer behind memory-mapped registers, as of an FPGA. README.md
 * has the settings; `coda instrument registers` is such a sequencer.
 */
#define _POSIX_C_SOURCE 200809L /* strdup */
#include <string.h>

#include "couplings.h"
#include "program.h"
#include "report.h"
#include "settings.h"
#include "tally.h"

static const char *const names[] = {
    "endpoint", "name", "target", "edges", "directed", "max_shots", "run_timeout_ms",
};

static const char *endpoint;
static uint64_t most_shots, run_timeout_ms;

/* What make-safe needs, and open: once per instance. */
static bool read_endpoint(void) {
    const char *text = coda_config_get("endpoint");
    endpoint = text == NULL ? "registers" : strdup(text); /* what the host hands out is gone after this call */
    return endpoint != NULL || coda_fail(CODA_INTERNAL, "no memory is left for the settings");
}

bool coda_open(coda_device *device) {
    static char name[129] = "registers";
    coda_target target = CODA_TARGET_CNOT;
    sequencer s;
    if (!settings_known(names, sizeof names / sizeof *names)) return false;
    const char *text = coda_config_get("name");
    if (text != NULL) {
        size_t length = strlen(text);
        if (length == 0 || length >= sizeof name)
            return coda_fail(CODA_INTERNAL, "setting name: \"%s\" has not 1 to 128 bytes", text);
        memcpy(name, text, length + 1);
    }
    report_to_log = false;
    most_shots = 1000 * 1000, run_timeout_ms = 50 * 1000;
    if (!setting_target(&target) || !setting_number("max_shots", 1, 1000 * 1000 * 1000, &most_shots) ||
        !setting_number("run_timeout_ms", 1, 86400 * 1000, &run_timeout_ms) || !read_endpoint() ||
        !sequencer_ready(endpoint, &s))
        return false;
    sequencer_close(); /* until a job needs it */
    *device = (coda_device){
        .name = name,
        .target = target,
        .num_qubits = (uint16_t)s.num_qubits,
        .has_max_shots = true,
        .max_shots = most_shots,
    };
    return setting_couplings(device);
}

static bool count(const uint32_t *words, uint32_t shots, const readouts *reads, size_t measurements, tally *counts) {
    for (uint32_t i = 0; i < shots; i++) {
        uint64_t bits = 0;
        if ((uint64_t)words[i] >> reads->num != 0)
            return report(CODA_INTERNAL, "the results are none: word %u has bits above its %zu readouts", (unsigned)i,
                          reads->num);
        for (size_t m = 0; m < measurements; m++) bits |= (uint64_t)(words[i] >> reads->of[m] & 1) << m;
        if (!tally_add(counts, bits)) return report(CODA_INTERNAL, "no memory is left for the outcomes");
    }
    return true;
}

static bool play(const coda_job *job, tally *counts) {
    const coda_circuit *circuit = &job->circuit;
    sequencer s;
    readouts reads;
    size_t length;
    if (!sequencer_ready(endpoint, &s)) return false;
    const instruction *program = program_make(circuit, &s, &reads, &length);
    if (program == NULL) return false;
    uint32_t most = s.num_results < job->shots ? s.num_results : (uint32_t)job->shots;
    uint32_t *words = coda_alloc(most * sizeof *words);
    if (words == NULL) return coda_fail(CODA_INTERNAL, "no memory is left for the results");
    if (!sequencer_reset() || !sequencer_load(&s, program, length)) return false;
    while (counts->shots < job->shots) {
        uint64_t left = job->shots - counts->shots;
        uint32_t shots = left < most ? (uint32_t)left : most;
        if (coda_cancelled()) return report(CODA_CANCELLED, "cancelled between two runs");
        if (!sequencer_run(&s, shots, length, reads.num, run_timeout_ms) || !sequencer_results(&s, words, shots) ||
            !count(words, shots, &reads, circuit->num_measurements, counts))
            return false;
        if (counts->shots < job->shots) coda_progress(counts->shots);
    }
    return sequencer_rest();
}

bool coda_run(const coda_job *job, coda_execution *execution) {
    report_to_log = false;
    if (job->circuit.num_measurements == 0) return tally_no_readouts(job, execution);
    tally counts = {0};
    if (!play(job, &counts)) {
        report_to_log = true;
        sequencer_close(); /* whatever was in doubt about it */
        if (!sequencer_rest_anyhow(endpoint))
            coda_log(CODA_ERROR, "the sequencer could not be brought to rest after a job that failed");
        report_to_log = false;
        sequencer_close();
        return false;
    }
    sequencer_close();
    tally_report(&counts, execution);
    return true;
}

static bool make_safe(void) {
    report_to_log = false;
    bool safe = read_endpoint() && sequencer_rest_anyhow(endpoint);
    sequencer_close();
    return safe;
}
CODA_EXPORT_SAFETY(make_safe)
