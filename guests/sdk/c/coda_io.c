/*
 * The calls into hardware of wit/executor.wit: byte-stream, http and registers. A
 * companion of coda.c, for programs that use them.
 */
#include "coda.h"

#define IMPORT(from, name) __attribute__((import_module(from), import_name(name)))

#define STREAM "coda:executor/byte-stream@0.1.0"
#define HTTP "coda:executor/http@0.1.0"
#define REGISTERS "coda:executor/registers@0.1.0"

/* ---- Layout on the wire ---- */

typedef struct {
    const void *data;
    size_t length; /* in elements; in bytes for a string */
} wire_list;

typedef struct {
    wire_list name;
    wire_list value;
} wire_header;

typedef struct {
    uint16_t status;
    wire_list headers;
    wire_list body;
} wire_response;

typedef struct {
    uint8_t kind;
    wire_list message;
} wire_error;

/* What any of the calls answers. */
typedef struct {
    uint8_t failed;
    union {
        uint32_t word; /* or a handle */
        wire_list list;
        wire_response response;
        wire_error error;
    };
} wire_answer;

#define HOLDS(type, size) _Static_assert(sizeof(type) == (size), #type " must be " #size " bytes")
#define AT(type, field, offset) \
    _Static_assert(offsetof(type, field) == (offset), #type "." #field " must be at " #offset)

HOLDS(wire_list, 8);
HOLDS(wire_header, 16);
HOLDS(wire_response, 20);
AT(wire_response, headers, 4);
AT(wire_response, body, 12);
HOLDS(wire_error, 12);
AT(wire_error, message, 4);
HOLDS(wire_answer, 24);
AT(wire_answer, response, 4);

/* ---- Imports ---- */

IMPORT(STREAM, "[static]connection.open")
void import_stream_open(const char *endpoint, size_t length, wire_answer *answer);
IMPORT(STREAM, "[method]connection.set-timeout")
void import_stream_set_timeout(uint32_t self, uint32_t milliseconds);
IMPORT(STREAM, "[method]connection.read")
void import_stream_read(uint32_t self, size_t most, wire_answer *answer);
IMPORT(STREAM, "[method]connection.read-exact")
void import_stream_read_exact(uint32_t self, size_t length, wire_answer *answer);
IMPORT(STREAM, "[method]connection.read-until")
void import_stream_read_until(uint32_t self, uint32_t delimiter, size_t most, wire_answer *answer);
IMPORT(STREAM, "[method]connection.write")
void import_stream_write(uint32_t self, const void *data, size_t size, wire_answer *answer);
IMPORT(STREAM, "[resource-drop]connection") void import_stream_drop(uint32_t self);
IMPORT(HTTP, "send")
void import_http_send(const char *endpoint, size_t endpoint_length, const char *method, size_t method_length,
                      const char *path, size_t path_length, const wire_header *headers, size_t num_headers,
                      const void *body, size_t body_size, uint32_t timeout_ms, wire_answer *answer);
IMPORT(REGISTERS, "[static]window.open")
void import_window_open(const char *endpoint, size_t length, wire_answer *answer);
IMPORT(REGISTERS, "[method]window.read32")
void import_window_read32(uint32_t self, uint32_t offset, wire_answer *answer);
IMPORT(REGISTERS, "[method]window.write32")
void import_window_write32(uint32_t self, uint32_t offset, uint32_t value, wire_answer *answer);
IMPORT(REGISTERS, "[method]window.read-block")
void import_window_read_block(uint32_t self, uint32_t offset, size_t count, wire_answer *answer);
IMPORT(REGISTERS, "[method]window.write-block")
void import_window_write_block(uint32_t self, uint32_t offset, const uint32_t *words, size_t count,
                               wire_answer *answer);
IMPORT(REGISTERS, "[method]window.poll32")
void import_window_poll32(uint32_t self, uint32_t offset, uint32_t mask, uint32_t value, uint32_t timeout_ms,
                          wire_answer *answer);
IMPORT(REGISTERS, "[resource-drop]window") void import_window_drop(uint32_t self);

/* ---- Memory and text ---- */

static void *must_alloc(size_t size) {
    void *block = coda_alloc(size);
    if (block == NULL) __builtin_trap();
    return block;
}

static wire_list lower_text(const char *text) {
    size_t length = 0;
    while (text != NULL && text[length] != 0) length++;
    return (wire_list){text, length};
}

static const char *lift_text(wire_list list) {
    char *text = must_alloc(list.length + 1);
    if (list.length > 0) __builtin_memcpy(text, list.data, list.length);
    text[list.length] = 0;
    return text;
}

/* ---- Errors ---- */

bool coda_fail_io(const char *doing, const coda_io_error *error) {
    static const coda_failure_kind kinds[] = {
        [CODA_IO_NOT_GRANTED] = CODA_INTERNAL, [CODA_IO_BUSY] = CODA_UNAVAILABLE,
        [CODA_IO_TIMED_OUT] = CODA_UNAVAILABLE, [CODA_IO_CLOSED] = CODA_UNAVAILABLE,
        [CODA_IO_CANCELLED] = CODA_CANCELLED, [CODA_IO_OUT_OF_RANGE] = CODA_INTERNAL,
        [CODA_IO_OTHER] = CODA_INTERNAL,
    };
    static const char *const names[] = {
        [CODA_IO_NOT_GRANTED] = "not granted", [CODA_IO_BUSY] = "busy", [CODA_IO_TIMED_OUT] = "timed out",
        [CODA_IO_CLOSED] = "closed", [CODA_IO_CANCELLED] = "cancelled",
        [CODA_IO_OUT_OF_RANGE] = "out of range", [CODA_IO_OTHER] = "failed",
    };
    size_t kind = error->kind <= CODA_IO_OTHER ? error->kind : CODA_IO_OTHER;
    return coda_fail(kinds[kind], "%s: %s: %s", doing, names[kind], error->message);
}

static bool closed_here(coda_io_error *error) {
    *error = (coda_io_error){CODA_IO_CLOSED, "it was closed here, or never opened"};
    return false;
}

static bool answered(const wire_answer *answer, coda_io_error *error) {
    if (!answer->failed) return true;
    *error = (coda_io_error){answer->error.kind, lift_text(answer->error.message)};
    return false;
}

/* Copies a list of at most max elements into buffer, and gives the memory back that
 * it came in. */
static bool take(const wire_answer *answer, coda_mark_point before, void *buffer, size_t element, size_t max,
                 size_t *length, coda_io_error *error) {
    if (!answered(answer, error)) return false;
    wire_list list = answer->list;
    if (list.length > max) __builtin_trap(); /* no host that keeps the contract */
    if (list.length > 0) __builtin_memcpy(buffer, list.data, list.length * element);
    *length = list.length;
    coda_release(before);
    return true;
}

/* ---- Streams ---- */

bool coda_stream_open(const char *endpoint, coda_stream *stream, coda_io_error *error) {
    wire_answer answer;
    import_stream_open(endpoint, lower_text(endpoint).length, &answer);
    stream->handle = answer.failed ? 0 : answer.word;
    return answered(&answer, error);
}

void coda_stream_set_timeout(coda_stream stream, uint32_t milliseconds) {
    if (stream.handle != 0) import_stream_set_timeout(stream.handle, milliseconds);
}

bool coda_stream_read(coda_stream stream, void *buffer, size_t size, size_t *length, coda_io_error *error) {
    if (stream.handle == 0) return closed_here(error);
    wire_answer answer;
    coda_mark_point before = coda_mark();
    import_stream_read(stream.handle, size, &answer);
    return take(&answer, before, buffer, 1, size, length, error);
}

bool coda_stream_read_exact(coda_stream stream, void *buffer, size_t size, coda_io_error *error) {
    if (stream.handle == 0) return closed_here(error);
    wire_answer answer;
    size_t length;
    coda_mark_point before = coda_mark();
    import_stream_read_exact(stream.handle, size, &answer);
    return take(&answer, before, buffer, 1, size, &length, error);
}

bool coda_stream_read_until(coda_stream stream, uint8_t delimiter, void *buffer, size_t size, size_t *length,
                            coda_io_error *error) {
    if (stream.handle == 0) return closed_here(error);
    wire_answer answer;
    coda_mark_point before = coda_mark();
    import_stream_read_until(stream.handle, delimiter, size, &answer);
    return take(&answer, before, buffer, 1, size, length, error);
}

bool coda_stream_write(coda_stream stream, const void *data, size_t size, coda_io_error *error) {
    if (stream.handle == 0) return closed_here(error);
    wire_answer answer;
    import_stream_write(stream.handle, data, size, &answer);
    return answered(&answer, error);
}

void coda_stream_close(coda_stream *stream) {
    if (stream->handle != 0) import_stream_drop(stream->handle);
    stream->handle = 0;
}

/* ---- HTTP ---- */

bool coda_http_send(const char *endpoint, const coda_http_request *request, coda_http_response *response,
                    coda_io_error *error) {
    wire_header *headers = must_alloc(request->num_headers * sizeof *headers);
    for (size_t i = 0; i < request->num_headers; i++)
        headers[i] = (wire_header){lower_text(request->headers[i].name), lower_text(request->headers[i].value)};
    wire_list method = lower_text(request->method != NULL ? request->method : "GET");
    wire_answer answer;
    import_http_send(endpoint, lower_text(endpoint).length, method.data, method.length, request->path,
                     lower_text(request->path).length, headers, request->num_headers, request->body,
                     request->body_size, request->timeout_ms, &answer);
    if (!answered(&answer, error)) return false;
    const wire_header *pairs = answer.response.headers.data;
    size_t num_headers = answer.response.headers.length;
    coda_header *lifted = must_alloc(num_headers * sizeof *lifted);
    for (size_t i = 0; i < num_headers; i++)
        lifted[i] = (coda_header){lift_text(pairs[i].name), lift_text(pairs[i].value)};
    *response = (coda_http_response){
        .status = answer.response.status,
        .headers = lifted,
        .num_headers = num_headers,
        .body = answer.response.body.data,
        .body_size = answer.response.body.length,
    };
    return true;
}

/* ---- Registers ---- */

bool coda_window_open(const char *endpoint, coda_window *window, coda_io_error *error) {
    wire_answer answer;
    import_window_open(endpoint, lower_text(endpoint).length, &answer);
    window->handle = answer.failed ? 0 : answer.word;
    return answered(&answer, error);
}

bool coda_window_read32(coda_window window, uint32_t offset, uint32_t *value, coda_io_error *error) {
    if (window.handle == 0) return closed_here(error);
    wire_answer answer;
    import_window_read32(window.handle, offset, &answer);
    if (!answered(&answer, error)) return false;
    *value = answer.word;
    return true;
}

bool coda_window_write32(coda_window window, uint32_t offset, uint32_t value, coda_io_error *error) {
    if (window.handle == 0) return closed_here(error);
    wire_answer answer;
    import_window_write32(window.handle, offset, value, &answer);
    return answered(&answer, error);
}

bool coda_window_read_block(coda_window window, uint32_t offset, uint32_t *words, size_t count,
                            coda_io_error *error) {
    if (window.handle == 0) return closed_here(error);
    wire_answer answer;
    size_t length;
    coda_mark_point before = coda_mark();
    import_window_read_block(window.handle, offset, count, &answer);
    return take(&answer, before, words, sizeof *words, count, &length, error);
}

bool coda_window_write_block(coda_window window, uint32_t offset, const uint32_t *words, size_t count,
                             coda_io_error *error) {
    if (window.handle == 0) return closed_here(error);
    wire_answer answer;
    import_window_write_block(window.handle, offset, words, count, &answer);
    return answered(&answer, error);
}

bool coda_window_poll32(coda_window window, uint32_t offset, uint32_t mask, uint32_t value,
                        uint32_t timeout_ms, uint32_t *word, coda_io_error *error) {
    if (window.handle == 0) return closed_here(error);
    wire_answer answer;
    import_window_poll32(window.handle, offset, mask, value, timeout_ms, &answer);
    if (!answered(&answer, error)) return false;
    *word = answer.word;
    return true;
}

void coda_window_close(coda_window *window) {
    if (window->handle != 0) import_window_drop(window->handle);
    window->handle = 0;
}
