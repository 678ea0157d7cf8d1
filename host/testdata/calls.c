/* An executor that makes one host call as often as it has shots, for benchmarks. Which
 * one is the id of its job. */
#include "coda.h"

#include <string.h>

static coda_io_error error;

bool coda_open(coda_device *device) {
    *device = (coda_device){.name = "calls", .num_qubits = 1};
    return true;
}

bool coda_run(const coda_job *job, coda_execution *execution) {
    static coda_outcome outcome;
    static coda_stream stream;
    static coda_window window;
    char buffer[64];
    size_t length;
    uint32_t word;
    for (uint64_t i = 0; i < job->shots; i++) {
        coda_mark_point mark = coda_mark();
        if (strcmp(job->id, "stream") == 0) {
            if (stream.handle == 0 && !coda_stream_open("echo", &stream, &error)) return coda_fail_io("open", &error);
            if (!coda_stream_write(stream, "FETCH?\n", 7, &error) ||
                !coda_stream_read_until(stream, '\n', buffer, sizeof buffer, &length, &error))
                return coda_fail_io("ask", &error);
        } else if (strcmp(job->id, "http") == 0) {
            coda_http_response response;
            if (!coda_http_send("web", &(coda_http_request){.path = "/"}, &response, &error)) return coda_fail_io("get", &error);
            if (response.status != 200) return coda_fail(CODA_INTERNAL, "status %u", response.status);
        } else if (strcmp(job->id, "registers") == 0) {
            if (window.handle == 0 && !coda_window_open("fpga", &window, &error)) return coda_fail_io("open", &error);
            if (!coda_window_read32(window, 64, &word, &error)) return coda_fail_io("read", &error);
        } else if (strcmp(job->id, "config") == 0) {
            if (coda_config_get("gain") == NULL) return coda_fail(CODA_INTERNAL, "no gain");
        } else if (strcmp(job->id, "log") == 0) {
            coda_log(CODA_DEBUG, "nobody reads this");
        } else if (strcmp(job->id, "cancelled") == 0) {
            if (coda_cancelled()) return coda_fail(CODA_CANCELLED, "it is");
        } else {
            return coda_fail(CODA_UNSUPPORTED, "no such call");
        }
        coda_release(mark);
    }
    outcome.count = job->shots;
    *execution = (coda_execution){.outcomes = &outcome, .num_outcomes = 1, .shots_completed = job->shots};
    return true;
}
