/* An executor that makes every call into hardware, for the tests of the SDK; its twin
 * in Go is guests/sdk/go/testdata/hardware. What it does depends on the id of its job,
 * and what came of it is the message with which the job fails. */
#include "coda.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char report[1024];
static coda_io_error error;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
    size_t used = strlen(report);
    va_list args;
    va_start(args, format);
    vsnprintf(report + used, sizeof report - used, format, args);
    va_end(args);
}

static void say_error(bool ok) {
    if (ok)
        say("no error; ");
    else
        say("%u %s; ", error.kind, error.message);
}

static void say_bytes(const uint8_t *data, size_t n) {
    for (size_t i = 0; i < n; i++) say("%s%u", i == 0 ? "[" : " ", data[i]);
    say("]");
}

bool coda_open(coda_device *device) {
    *device = (coda_device){.name = "hardware", .num_qubits = 3};
    return true;
}

static bool streams(void) {
    coda_stream c;
    uint8_t buffer[64];
    size_t n;
    if (!coda_stream_open("awg", &c, &error)) return coda_fail_io("dial awg", &error);
    coda_stream_set_timeout(c, 1500);
    if (!coda_stream_write(c, "*IDN?\n", 6, &error)) return coda_fail_io("write awg", &error);
    if (!coda_stream_read_until(c, '\n', buffer, sizeof buffer, &n, &error)) return coda_fail_io("read awg", &error);
    say("%.*s; ", (int)n - 1, (char *)buffer);
    if (!coda_stream_read_exact(c, buffer, 5, &error)) return coda_fail_io("read awg", &error);
    say_bytes(buffer, 5);
    say("; ");
    if (!coda_stream_read(c, buffer, 8, &n, &error)) return coda_fail_io("read awg", &error);
    say("%.*s; ", (int)n, (char *)buffer);
    if (!coda_stream_read(c, buffer, 8, &n, &error)) return coda_fail_io("read awg", &error);
    if (n == 0) say("end; ");
    coda_stream_close(&c);
    return true;
}

static bool broken(void) {
    coda_stream c;
    uint8_t buffer[3];
    size_t n;
    if (!coda_stream_open("awg", &c, &error)) return coda_fail_io("dial awg", &error);
    say_error(coda_stream_write(c, NULL, 0, &error));
    say_error(coda_stream_read_exact(c, buffer, 3, &error));
    say_error(coda_stream_read_until(c, 255, buffer, 3, &n, &error));
    say_error(coda_stream_read(c, buffer, 3, &n, &error));
    coda_stream_close(&c);
    coda_stream_close(&c);
    coda_stream_set_timeout(c, 1);
    if (!coda_stream_read(c, buffer, 3, &n, &error) && !coda_stream_read_exact(c, buffer, 3, &error) &&
        !coda_stream_read_until(c, 0, buffer, 3, &n, &error) && !coda_stream_write(c, buffer, 3, &error) &&
        error.kind == CODA_IO_CLOSED)
        say("closed; ");
    return true;
}

static bool large(void) {
    static uint8_t buffer[1 << 20];
    uint64_t sum = 0;
    coda_stream c;
    if (!coda_stream_open("awg", &c, &error)) return coda_fail_io("dial awg", &error);
    for (int round = 0; round < 80; round++) {
        if (!coda_stream_read_exact(c, buffer, sizeof buffer, &error)) return coda_fail_io("read awg", &error);
        for (size_t i = 0; i < sizeof buffer; i++) sum += buffer[i];
    }
    say("%llu; ", (unsigned long long)sum);
    coda_stream_close(&c);
    return true;
}

static bool requests(void) {
    static const coda_header headers[] = {{"X-A", "1"}, {"X-B", "zwei ü"}};
    coda_mark_point before = coda_mark();
    coda_http_response answer;
    const coda_http_request post = {
        .method = "POST", .path = "/v1/set?a=1", .headers = headers, .num_headers = 2,
        .body = "4 K\0\xff", .body_size = 5,
    };
    if (!coda_http_send("fridge", &post, &answer, &error)) return coda_fail_io("send to fridge", &error);
    say("%u %s \"%s\" ", answer.status, answer.headers[0].value, answer.headers[1].value);
    say_bytes(answer.body, answer.body_size);
    say("; ");
    coda_release(before);
    const coda_http_request get = {.path = "/empty", .timeout_ms = 1500};
    if (!coda_http_send("fridge", &get, &answer, &error)) return coda_fail_io("send to fridge", &error);
    say("%u %zu %zu; ", answer.status, answer.num_headers, answer.body_size);
    say_error(coda_http_send("fridge", &(coda_http_request){.path = "/gone"}, &answer, &error));
    return true;
}

static bool windows(void) {
    coda_window w;
    uint32_t word, words[9];
    if (!coda_window_open("fpga", &w, &error)) return coda_fail_io("open fpga", &error);
    if (!coda_window_read32(w, 8, &word, &error)) return coda_fail_io("read fpga", &error);
    say("%lu; ", (unsigned long)word);
    if (!coda_window_write32(w, 12, 0x80000001, &error)) return coda_fail_io("write fpga", &error);
    if (!coda_window_read_block(w, 16, words, 3, &error)) return coda_fail_io("read fpga", &error);
    say("[%lu %lu %lu]; ", (unsigned long)words[0], (unsigned long)words[1], (unsigned long)words[2]);
    if (!coda_window_write_block(w, 32, (uint32_t[]){5, 0xFFFFFFFF}, 2, &error)) return coda_fail_io("write fpga", &error);
    if (!coda_window_poll32(w, 4, 0xF0, 0x30, 250, &word, &error)) return coda_fail_io("poll fpga", &error);
    say("%lu; ", (unsigned long)word);
    say_error(coda_window_read32(w, 0xFFFFFFFC, &word, &error));
    say_error(coda_window_write32(w, 0, 0, &error));
    say_error(coda_window_read_block(w, 4, words, 9, &error));
    say_error(coda_window_write_block(w, 4, NULL, 0, &error));
    say_error(coda_window_poll32(w, 0, 1, 1, 0, &word, &error));
    coda_window_close(&w);
    coda_window_close(&w);
    if (!coda_window_read32(w, 0, &word, &error) && !coda_window_write32(w, 0, 0, &error) &&
        !coda_window_read_block(w, 0, words, 1, &error) && !coda_window_write_block(w, 0, words, 1, &error) &&
        !coda_window_poll32(w, 0, 0, 0, 0, &word, &error) && error.kind == CODA_IO_CLOSED)
        say("closed; ");
    return true;
}

static bool zeros(const coda_job *job, coda_execution *execution) {
    coda_outcome *outcome = coda_alloc(sizeof *outcome);
    if (outcome == NULL) return coda_fail(CODA_INTERNAL, "no memory left");
    *outcome = (coda_outcome){0, job->shots};
    *execution = (coda_execution){.outcomes = outcome, .num_outcomes = 1, .shots_completed = job->shots};
    return true;
}

bool coda_run(const coda_job *job, coda_execution *execution) {
    bool ok = true;
    coda_stream c;
    report[0] = 0;
    if (strcmp(job->id, "zeros") == 0) return zeros(job, execution);
    if (strcmp(job->id, "stream") == 0) ok = streams();
    if (strcmp(job->id, "kinds") == 0)
        for (int i = 0; i < 7; i++) say_error(coda_stream_open("awg", &c, &error));
    if (strcmp(job->id, "broken") == 0) ok = broken();
    if (strcmp(job->id, "large") == 0) ok = large();
    if (strcmp(job->id, "http") == 0) ok = requests();
    if (strcmp(job->id, "registers") == 0) ok = windows();
    if (strcmp(job->id, "fail") == 0 && !coda_stream_open("awg", &c, &error)) return coda_fail_io("dial awg", &error);
    return ok && coda_fail(CODA_UNSUPPORTED, "%s", report);
}

/* Fails every job whose id is not zeros, with all that came of it. */
static void together(const coda_job *jobs, size_t n, coda_result *results) {
    for (size_t i = 0; i < n; i++) {
        const coda_circuit *c = &jobs[i].circuit;
        if (strcmp(jobs[i].id, "zeros") == 0 && zeros(&jobs[i], &results[i].execution)) continue;
        char *text = coda_alloc(512);
        if (text != NULL)
            snprintf(text, 512,
                     "%zu of %zu: %s, target %u, %u qubits, %zu gates, last on %u, %zu measured, hash %s, %llu shots", i,
                     n, jobs[i].id, c->target, c->num_qubits, c->num_operations,
                     c->operations[c->num_operations - 1].q0, c->num_measurements, c->source_hash,
                     (unsigned long long)jobs[i].shots);
        results[i] = (coda_result){.failed = true, .kind = CODA_UNAVAILABLE, .message = text};
    }
}
CODA_EXPORT_BATCH(together)

/* Tells the instrument to stop. */
static bool rest(void) {
    coda_stream c;
    if (!coda_stream_open("awg", &c, &error)) return coda_fail_io("dial awg", &error);
    return coda_stream_write(c, "ABOR\n", 5, &error) || coda_fail_io("write awg", &error);
}
CODA_EXPORT_SAFETY(rest)
