/*
 * Plays circuits on an instrument that speaks SCPI over a byte stream. README.md has
 * the settings. The defaults are those of `coda instrument scpi`.
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include <string.h>
#include <time.h>
#include <wasi/api.h>

#include "circuit.h"
#include "commands.h"
#include "couplings.h"
#include "line.h"
#include "readouts.h"
#include "report.h"
#include "sequence.h"
#include "settings.h"

static coda_target target = CODA_TARGET_CNOT;
static char name[129] = "scpi";

/* Ends whatever runs, turns the outputs off, and asks the instrument whether they are. */
static bool rest(void) {
    const char *state;
    if (!line_tell(commands.abort) || !line_tell(commands.safe)) return false;
    if (commands.verify == NULL) return line_check("come to rest");
    if (!line_ask(commands.verify, &state)) return false;
    if (answer_matches(answer_safe, state)) return true;
    return report(CODA_UNAVAILABLE, "the instrument is not at rest: %s answers \"%s\", at rest it is \"%s\"",
                  commands.verify, state, answer_safe);
}

/* A connection in doubt is given up; what it left behind is ended over another. */
static bool rest_anyhow(void) {
    if (line_in_step() && rest()) return true;
    line_close();
    if (line_ready() && rest()) return true;
    line_close();
    return false;
}

bool coda_open(coda_device *device) {
    const char *text = coda_config_get("name");
    if (text != NULL) {
        size_t length = strlen(text);
        if (length == 0 || length >= sizeof name)
            return coda_fail(CODA_INTERNAL, "setting name: \"%s\" has not 1 to 128 bytes", text);
        memcpy(name, text, length + 1);
    }
    if (!commands_read() || !setting_target(&target)) return false;
    *device = (coda_device){
        .name = name,
        .target = target,
        .num_qubits = (uint16_t)num_qubits,
        .has_max_shots = true,
        .max_shots = most_shots,
    };
    if (!setting_couplings(device)) return false;
    if (!keep_open) return true;
    /* A job that needs the connection and has none says what is wrong. */
    report_to_log = true;
    line_ready();
    report_to_log = false;
    return true;
}

static uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Not libc's nanosleep, which needs a function of the compiler's that not every
 * toolchain has. */
static void sleep_ms(uint64_t ms) {
    __wasi_subscription_t until = {.u = {.tag = __WASI_EVENTTYPE_CLOCK}};
    __wasi_event_t event;
    __wasi_size_t count;
    until.u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
    until.u.u.clock.timeout = ms * 1000000;
    (void)__wasi_poll_oneoff(&until, &event, 1, &count);
}

/* Asks until the run is over, at first often. */
static bool await(void) {
    const char *state;
    uint64_t began = now_ms();
    if (commands.poll == NULL) return true;
    for (uint64_t pause = 1;; pause = pause < 32 ? 2 * pause : pause) {
        if (!line_ask(commands.poll, &state)) return false;
        if (answer_matches(answer_done, state)) return true;
        if (!answer_matches(answer_running, state))
            return report(CODA_INTERNAL, "the run did not end as it should: %s answers \"%s\"", commands.poll, state);
        if (coda_cancelled()) return report(CODA_CANCELLED, "cancelled while the instrument ran");
        if (now_ms() - began >= run_timeout_ms)
            return report(CODA_UNAVAILABLE, "the run took longer than run_timeout_ms = %llu",
                          (unsigned long long)run_timeout_ms);
        sleep_ms(pause);
    }
}

static bool check_count(uint64_t shots) {
    const char *text;
    uint64_t count = 0;
    if (commands.count == NULL) return true;
    if (!line_ask(commands.count, &text)) return false;
    const char *p = *text == '+' ? text + 1 : text;
    bool number = *p != 0;
    for (; *p >= '0' && *p <= '9' && count < UINT64_MAX / 100; p++) count = 10 * count + (uint64_t)(*p - '0');
    if (!number || *p != 0 || count != shots)
        return report(CODA_INTERNAL, "%llu shots were to run: %s answers \"%s\"", (unsigned long long)shots,
                      commands.count, text);
    return true;
}

static bool play(const coda_job *job, tally *counts, bool *mixed) {
    return line_ready() && sequence_load(job) && line_tell(commands.arm) && line_tell(commands.run) && line_check("run") &&
           await() && check_count(job->shots) && readouts_read(job, counts) && sequence_proof(job, mixed) &&
           line_tell(commands.finish) && line_check("end the job");
}

bool coda_run(const coda_job *job, coda_execution *execution) {
    report_to_log = false;
    if (!sequence_check(job)) return false;
    if (job->circuit.num_measurements == 0) return tally_no_readouts(job, execution);
    tally counts = {0};
    bool mixed = false, played = play(job, &counts, &mixed);
    if (mixed) { /* what came late has come by now */
        coda_log(CODA_WARN, "commands of an earlier connection came in the middle of the job; it is played again");
        counts = (tally){0};
        played = play(job, &counts, &mixed);
    }
    if (!played) {
        report_to_log = true;
        if (!rest_anyhow()) coda_log(CODA_ERROR, "the instrument could not be brought to rest after a job that failed");
        report_to_log = false;
        line_close();
        return false;
    }
    if (!keep_open) line_close(); /* others may want the instrument meanwhile */
    tally_report(&counts, execution);
    return true;
}

static bool make_safe(void) {
    if (!commands_read()) return false;
    report_to_log = true;
    bool safe = rest_anyhow();
    report_to_log = false;
    if (!safe) safe = rest_anyhow();
    line_close();
    return safe;
}
CODA_EXPORT_SAFETY(make_safe)
