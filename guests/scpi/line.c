#include "line.h"

#include <string.h>

#include "commands.h"
#include "report.h"

static coda_stream stream;
static bool in_step;
static char answer[MOST_ANSWER + 1];

enum { MOST_ERRORS = 100 }; /* that a queue holds */

void line_close(void) {
    coda_stream_close(&stream);
    in_step = false;
}

bool line_in_step(void) { return stream.handle != 0 && in_step; }

static bool failed_io(const char *doing, const coda_io_error *error) {
    in_step = false;
    return report_io(doing, error);
}

static bool garbage(const char *query, const char *why) {
    in_step = false;
    return report(CODA_INTERNAL, "the answer to %s %s", query, why);
}

bool line_write(const char *what, const void *data, size_t size) {
    coda_io_error error;
    return coda_stream_write(stream, data, size, &error) || failed_io(what, &error);
}

/* Writes a line in one call, so that it goes out in one packet. */
static bool write_line(const char *command) {
    char line[MOST_ANSWER];
    size_t length = strlen(command);
    if (length + 1 > sizeof line) return report(CODA_INTERNAL, "the command %s is too long", command);
    memcpy(line, command, length);
    line[length] = '\n';
    return line_write(command, line, length + 1);
}

bool line_tell(const char *command) { return command == NULL || write_line(command); }

bool line_start_answer(const char *query) {
    in_step = false;
    return write_line(query);
}

bool line_take(void *buffer, size_t size) {
    coda_io_error error;
    return coda_stream_read_exact(stream, buffer, size, &error) || failed_io("read an answer", &error);
}

void line_end_answer(void) { in_step = true; }

bool line_ask(const char *query, const char **text) {
    coda_io_error error;
    size_t length;
    if (!line_start_answer(query)) return false;
    if (!coda_stream_read_until(stream, '\n', answer, MOST_ANSWER, &length, &error)) return failed_io(query, &error);
    if (length == 0 || answer[length - 1] != '\n') {
        if (length == MOST_ANSWER) return garbage(query, "has no end");
        return report(CODA_UNAVAILABLE, "%s: the instrument closed the connection %s", query,
                      length == 0 ? "instead of answering" : "within its answer");
    }
    length--;
    if (length > 0 && answer[length - 1] == '\r') length--;
    answer[length] = 0;
    for (size_t i = 0; i < length; i++)
        if ((answer[i] < ' ' && answer[i] != '\t') || answer[i] > '~') return garbage(query, "is not text");
    in_step = true;
    *text = answer;
    return true;
}

/* Reads the number of an entry of the queue: -113,"Undefined header". */
static bool parse_code(const char *text, int *code) {
    bool negative = *text == '-';
    int n = 0;
    if (*text == '-' || *text == '+') text++;
    if (*text < '0' || *text > '9') return false;
    for (; *text >= '0' && *text <= '9'; text++)
        if ((n = 10 * n + (*text - '0')) > 99999) return false;
    *code = negative ? -n : n;
    return *text == 0 || *text == ',';
}

/* What an error of SCPI-99, volume 2, chapter 21.8, means for a job. */
static coda_failure_kind kind_of(int code) {
    switch (code) {
    case -213: return CODA_UNAVAILABLE; /* init ignored: somebody's run goes on */
    case -222:                          /* data out of range */
    case -223:                          /* too much data */
    case -225: return CODA_UNSUPPORTED; /* out of memory */
    default: return CODA_INTERNAL;
    }
}

/* Reads the queue to its end. *first is the number of the oldest entry, and its text
 * stands in entry. */
static bool drain(int *first, char entry[256]) {
    *first = 0;
    if (commands.error == NULL) return true;
    for (int i = 0; i < MOST_ERRORS; i++) {
        const char *text;
        int code;
        if (!line_ask(commands.error, &text)) return false;
        if (!parse_code(text, &code)) return garbage(commands.error, "is no entry of a queue of errors");
        if (code == 0) return true;
        if (*first != 0) continue;
        *first = code;
        size_t length = strlen(text);
        if (length > 255) length = 255;
        memcpy(entry, text, length);
        entry[length] = 0;
    }
    return garbage(commands.error, "is an error each time");
}

bool line_check(const char *during) {
    char entry[256];
    int code;
    if (!drain(&code, entry)) return false;
    return code == 0 || report(kind_of(code), "the instrument refused to %s: %s", during, entry);
}

static bool identify(void) {
    const char *text;
    if (commands.identify == NULL) return true;
    if (!line_ask(commands.identify, &text)) return false;
    if (answer_identity != NULL && !answer_matches(answer_identity, text)) {
        in_step = false;
        return report(CODA_INTERNAL, "the instrument says that it is \"%s\"; answer.identity expects \"%s\"", text,
                      answer_identity);
    }
    return true;
}

static bool connect(void) {
    coda_io_error error;
    char entry[256];
    int code;
    line_close();
    if (!coda_stream_open(endpoint, &stream, &error)) return failed_io("reach the instrument", &error);
    in_step = true;
    /* Errors that wait in the queue are others'. */
    if (identify() && line_tell(commands.reset) && drain(&code, entry)) return true;
    line_close();
    return false;
}

/* Whether a connection that lay idle is as it was left. */
static bool still_there(void) {
    if (!line_in_step()) return false;
    bool before = report_to_log;
    report_to_log = true; /* there is another way */
    bool there = commands.identify != NULL ? identify() : line_check("be asked for errors");
    report_to_log = before;
    return there;
}

bool line_ready(void) { return still_there() || connect(); }
