/* An executor that asks the world for all that it has, for the tests of tapes; its twin
 * in Go is main.go. What else it does is the source hash of its circuit. */
#define _GNU_SOURCE /* for clocks and chance beside C11 */
#include "coda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

static coda_io_error error;

/* Has the instrument send back a line, which it replaces. */
static bool ask(char *line, size_t size) {
    coda_stream c;
    size_t n;
    if (!coda_stream_open("echo", &c, &error)) return coda_fail_io("dial echo", &error);
    bool ok = coda_stream_write(c, line, strlen(line), &error) && coda_stream_read_until(c, '\n', line, size - 1, &n, &error);
    coda_stream_close(&c);
    if (!ok) return coda_fail_io("ask echo", &error);
    line[n] = 0;
    return true;
}

bool coda_open(coda_device *device) {
    char line[] = "HELLO\n";
    *device = (coda_device){.name = "rig", .num_qubits = 2};
    return ask(line, sizeof line);
}

static bool rest(void) {
    char line[] = "ABOR\n";
    return ask(line, sizeof line);
}
CODA_EXPORT_SAFETY(rest)

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void nap(void) {
    __wasi_subscription_t until = {.u = {.tag = __WASI_EVENTTYPE_CLOCK, .u.clock = {.id = __WASI_CLOCKID_MONOTONIC, .timeout = 10000000}}};
    __wasi_event_t event;
    __wasi_size_t n;
    if (__wasi_poll_oneoff(&until, &event, 1, &n) != 0) abort();
}

bool coda_run(const coda_job *job, coda_execution *execution) {
    static coda_outcome outcomes[2];
    const char *what = job->circuit.source_hash;
    uint64_t began = now();
    char calibration[64], line[200];
    FILE *f = fopen("/device/calibration", "r");
    if (f == NULL || fgets(calibration, sizeof calibration, f) == NULL)
        return coda_fail(CODA_INTERNAL, "no calibration");
    fclose(f);
    unsigned char die[2];
    if (getentropy(die, sizeof die) != 0) return coda_fail(CODA_INTERNAL, "no chance");
    const char *gain = coda_config_get("gain");
    snprintf(line, sizeof line, "%02x%02x %s %s\n", die[0], die[1], gain ? gain : "", calibration);
    if (!ask(line, sizeof line)) return false;
    coda_log(CODA_INFO, "it says %s", line);
    if (strcmp(what, "fail") == 0) return coda_fail(CODA_UNAVAILABLE, "no good: %s", line);
    if (strcmp(what, "trap") == 0) abort();
    if (strcmp(what, "wait") == 0) {
        while (!coda_cancelled()) nap();
        return coda_fail(CODA_CANCELLED, "as asked, after %s", line);
    }
    if (strcmp(what, "poll") == 0)
        for (;;) nap();
    if (strcmp(what, "listen") == 0) {
        coda_stream c;
        if (!coda_stream_open("echo", &c, &error) || !coda_stream_read_exact(c, line, 1, &error))
            return coda_fail_io("listen", &error);
    }
    coda_progress(job->shots);
    uint64_t ones = die[0] * job->shots / 256;
    size_t n = 0;
    if (ones < job->shots) outcomes[n++] = (coda_outcome){0, job->shots - ones};
    if (ones > 0) outcomes[n++] = (coda_outcome){1, ones};
    *execution = (coda_execution){
        .outcomes = outcomes, .num_outcomes = n, .shots_completed = job->shots, .has_elapsed_ns = true, .elapsed_ns = now() - began};
    return true;
}
