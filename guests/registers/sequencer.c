#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "sequencer.h"

#include <time.h>

#include "report.h"

/* Offsets of the registers. */
enum {
    ID = 0x00,
    VERSION = 0x04,
    CONTROL = 0x08,
    STATUS = 0x0c,
    ERROR = 0x10,
    ERROR_AT = 0x14,
    QUBITS = 0x18,
    OUTPUT = 0x1c,
    SHOTS = 0x20,
    LENGTH = 0x24,
    COUNT = 0x28,
    READS = 0x2c,
    RUNS = 0x30,
    PROGRAM = 0x34,
    PROGRAM_END = 0x38,
    RESULT = 0x3c,
    RESULT_END = 0x40,
    NUM_REGISTERS = 17
};

enum { START = 1, ABORT = 2, RESET = 4 };        /* of CONTROL */
enum { BUSY = 1, DONE = 2, FAULT = 4, ALIVE = 8 }; /* of STATUS */

/* Of ERROR. */
enum { RUN_GOES_ON = 1, TOO_LARGE = 7, NUM_ERRORS };
static const char *const error_names[NUM_ERRORS] = {
    "no reason",          "a run goes on",      "the output is off", "SHOTS is out of range", "LENGTH is out of range",
    "no such instruction", "no readout or more than 32", "the program is too large",
};

static const uint32_t our_id = 0x434f4441; /* CODA */
static const uint32_t nobody = 0xffffffff; /* what a bus reads where nobody answers */

enum {
    TAKES_MS = 1000,     /* that CONTROL may take */
    LOOK_AGAIN_MS = 1000, /* in a long run: whether the device is still there */
    MOST_QUBITS = 256,
    LARGEST = 16 << 20 /* window, bytes */
};

static coda_window window;

void sequencer_close(void) { coda_window_close(&window); }

static bool get(const char *what, uint32_t offset, uint32_t *value) {
    coda_io_error error;
    return coda_window_read32(window, offset, value, &error) || report_io(what, &error);
}

static bool set(const char *what, uint32_t offset, uint32_t value) {
    coda_io_error error;
    return coda_window_write32(window, offset, value, &error) || report_io(what, &error);
}

static bool get_all(uint32_t registers[NUM_REGISTERS]) {
    coda_io_error error;
    return coda_window_read_block(window, 0, registers, NUM_REGISTERS, &error) || report_io("read the registers", &error);
}

static bool gone(void) { return report(CODA_UNAVAILABLE, "the sequencer is off the bus: its registers read 0xffffffff"); }

/* Has the device do something, and waits until it has taken it: from then on the other
 * registers speak of it. */
static bool control(const char *what, uint32_t bit) {
    coda_io_error error;
    uint32_t word;
    if (!set(what, CONTROL, bit)) return false;
    if (coda_window_poll32(window, CONTROL, 0xffffffff, 0, TAKES_MS, &word, &error)) return true;
    if (error.kind == CODA_IO_TIMED_OUT && get(what, ID, &word) && word == nobody) return gone();
    return report_io(what, &error);
}

bool sequencer_reset(void) { return control("reset the sequencer", RESET); }

static bool open_window(const char *endpoint) {
    coda_io_error error;
    return window.handle != 0 || coda_window_open(endpoint, &window, &error) ||
           report_io("reach the sequencer's registers", &error);
}

/* One that is off the bus comes back with a reset. */
static bool on_the_bus(void) {
    uint32_t id;
    if (!get("read the sequencer's ID", ID, &id)) return false;
    if (id == nobody && (!sequencer_reset() || !get("read the sequencer's ID", ID, &id))) return false;
    if (id == nobody) return gone();
    if (id != our_id)
        return report(CODA_INTERNAL, "this is no sequencer of ours: its ID reads 0x%x, 0x%x was expected",
                      (unsigned)id, (unsigned)our_id);
    return true;
}

static bool memory_between(uint32_t first, uint32_t end) {
    return first % 4 == 0 && end % 4 == 0 && first >= 4 * NUM_REGISTERS && first < end && end <= LARGEST;
}

static bool describe(sequencer *s) {
    uint32_t r[NUM_REGISTERS];
    if (!get_all(r)) return false;
    uint32_t program = r[PROGRAM / 4], program_end = r[PROGRAM_END / 4];
    uint32_t results = r[RESULT / 4], results_end = r[RESULT_END / 4];
    if (r[ID / 4] != our_id || r[VERSION / 4] >> 16 != 1)
        return report(CODA_INTERNAL, "the sequencer has version %u.%u, this executor knows 1.x",
                      (unsigned)(r[VERSION / 4] >> 16), (unsigned)(r[VERSION / 4] & 0xffff));
    if (r[QUBITS / 4] == 0 || r[QUBITS / 4] > MOST_QUBITS || !memory_between(program, program_end) ||
        !memory_between(results, results_end) || (program < results_end && results < program_end))
        return report(CODA_INTERNAL,
                      "the sequencer says of itself what cannot be: %u qubits, programs from %u to %u, results from %u to %u",
                      (unsigned)r[QUBITS / 4], (unsigned)program, (unsigned)program_end, (unsigned)results,
                      (unsigned)results_end);
    if ((r[STATUS / 4] & ALIVE) == 0) return report(CODA_UNAVAILABLE, "the sequencer is not ready");
    *s = (sequencer){
        .version = r[VERSION / 4],
        .num_qubits = r[QUBITS / 4],
        .program = program,
        .num_instructions = (program_end - program) / sizeof(instruction),
        .results = results,
        .num_results = (results_end - results) / sizeof(uint32_t),
    };
    return true;
}

bool sequencer_ready(const char *endpoint, sequencer *s) {
    if (open_window(endpoint) && on_the_bus() && describe(s)) return true;
    sequencer_close();
    return false;
}

bool sequencer_load(const sequencer *s, const instruction *program, size_t length) {
    coda_io_error error;
    return coda_window_write_block(window, s->program, (const uint32_t *)program,
                                   length * sizeof *program / sizeof(uint32_t), &error) ||
           report_io("load the program", &error);
}

static uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Waits in the host until nothing runs: one call, unless the run is a long one. */
static bool await(uint64_t timeout_ms) {
    uint64_t began = now_ms();
    for (;;) {
        coda_io_error error;
        uint32_t word;
        uint64_t past = now_ms() - began, left = past < timeout_ms ? timeout_ms - past : 1;
        if (coda_window_poll32(window, STATUS, BUSY, 0, (uint32_t)(left < LOOK_AGAIN_MS ? left : LOOK_AGAIN_MS), &word,
                               &error))
            return true;
        if (error.kind != CODA_IO_TIMED_OUT) return report_io("wait for the end of the run", &error);
        if (!get("read the sequencer's ID", ID, &word)) return false;
        if (word == nobody) return gone();
        if (now_ms() - began >= timeout_ms)
            return report(CODA_UNAVAILABLE, "the run took longer than run_timeout_ms = %llu",
                          (unsigned long long)timeout_ms);
        if (coda_cancelled()) return report(CODA_CANCELLED, "cancelled while the sequencer ran");
    }
}

static coda_failure_kind kind_of(uint32_t why) {
    return why == RUN_GOES_ON ? CODA_UNAVAILABLE : why == TOO_LARGE ? CODA_UNSUPPORTED : CODA_INTERNAL;
}

bool sequencer_run(const sequencer *s, uint32_t shots, size_t length, size_t reads, uint64_t timeout_ms) {
    uint32_t r[NUM_REGISTERS], runs;
    if (!get("read the count of runs", RUNS, &runs) || !set("set the shots", SHOTS, shots) ||
        !set("set the program's length", LENGTH, (uint32_t)length) || !set("switch the output on", OUTPUT, 1) ||
        !control("start the sequencer", START) || !await(timeout_ms) || !get_all(r))
        return false;
    uint32_t status = r[STATUS / 4], why = r[ERROR / 4];
    if (r[ID / 4] == nobody) return gone();
    if ((status & FAULT) != 0)
        return report(kind_of(why), "the sequencer refused the program: error %u, %s, at instruction %u", (unsigned)why,
                      why < NUM_ERRORS ? error_names[why] : "which this executor does not know", (unsigned)r[ERROR_AT / 4]);
    if ((status & BUSY) == 0 && (status & DONE) == 0 && r[RUNS / 4] == runs)
        return report(CODA_UNAVAILABLE, "the sequencer did not start");
    if ((status & (BUSY | DONE)) != DONE || r[ID / 4] != our_id || r[VERSION / 4] != s->version ||
        r[RUNS / 4] != runs + 1 || r[SHOTS / 4] != shots || r[LENGTH / 4] != length || r[COUNT / 4] != shots ||
        r[READS / 4] != reads)
        return report(CODA_INTERNAL,
                      "the run is not the one that was started: status %u, %u runs after %u, %u of %u shots, %u of %zu "
                      "readouts",
                      (unsigned)status, (unsigned)r[RUNS / 4], (unsigned)runs, (unsigned)r[COUNT / 4], (unsigned)shots,
                      (unsigned)r[READS / 4], reads);
    return true;
}

bool sequencer_results(const sequencer *s, uint32_t *words, uint32_t shots) {
    coda_io_error error;
    return coda_window_read_block(window, s->results, words, shots, &error) || report_io("read the results", &error);
}

bool sequencer_rest(void) {
    uint32_t status, output;
    if (!control("abort the run", ABORT) || !set("switch the output off", OUTPUT, 0) ||
        !get("read the status", STATUS, &status) || !get("read the output", OUTPUT, &output))
        return false;
    if ((status & BUSY) == 0 && output == 0) return true;
    return report(CODA_UNAVAILABLE, "the sequencer is not at rest: status %u, output %u", (unsigned)status,
                  (unsigned)output);
}

bool sequencer_rest_anyhow(const char *endpoint) {
    for (int attempt = 0; attempt < 2; attempt++) {
        if (open_window(endpoint) && on_the_bus() && sequencer_reset() && sequencer_rest()) return true;
        sequencer_close();
    }
    return false;
}
