/*
 * coda.h: write a coda executor in C.
 *
 * An author defines two functions, coda_open and coda_run, and compiles them
 * with coda.c into a core WebAssembly module (C11, no libc needed):
 *
 *     clang --target=wasm32-wasi -std=c11 -O2 -mbulk-memory -c backend.c coda.c
 *     wasm-ld --no-entry --gc-sections backend.o coda.o -o backend.wasm
 *
 * Only the host functions that the author calls become imports. A libc may be
 * linked too. Keep wasm-opt off PATH where clang does the linking: it runs any
 * that it finds, and an old one breaks newer code.
 *
 * Memory. Whatever the host hands in, and whatever coda_alloc returns, lives
 * until the host has taken the result of the running coda_open or coda_run (or
 * batch); then all of it is freed at once. Copy what must live longer, and see
 * coda_mark for a run that takes in much. What is read from a stream or from
 * registers is in the author's own buffer and uses none of it. Nothing that an
 * author puts into a result is freed by the SDK, so a result may point to
 * static memory, to malloc'ed memory that the author frees in the next call, or,
 * most simply, to coda_alloc'ed memory.
 *
 * Text is UTF-8 and ends with a NUL, both ways; text from the host that has a
 * NUL inside ends there. The host discards an instance that hands it text which
 * is not UTF-8.
 */
#ifndef CODA_H
#define CODA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The native gate set that a circuit was compiled for. */
typedef uint8_t coda_target;
enum { CODA_TARGET_CZ, CODA_TARGET_ISWAP, CODA_TARGET_PCZ, CODA_TARGET_CNOT };

/* A native gate. Angles are in radians; rx, ry, rz are exp(-i angle/2 P). */
typedef uint8_t coda_gate;
enum {
    CODA_RX,
    CODA_RY,
    CODA_RZ,
    CODA_CZ,
    CODA_ISWAP,      /* swaps, and multiplies what it swapped by i */
    CODA_CP,         /* diag(1, 1, 1, exp(i param)) */
    CODA_ID,         /* idles for param nanoseconds */
    CODA_X90,        /* rx(pi/2) */
    CODA_Y_MINUS_90, /* ry(-pi/2) */
    CODA_VIRTUAL_Z,  /* rz(param), applied as a frame change */
    CODA_CNOT        /* q0 controls */
};

/* One gate of a circuit. */
typedef struct {
    coda_gate gate;
    uint16_t q0;
    uint16_t q1;  /* q0 again for a gate on one qubit */
    double param; /* 0 for a gate without a parameter */
} coda_operation;

/* A circuit that the host has validated against its target. */
typedef struct {
    coda_target target;
    uint16_t num_qubits;
    const coda_operation *operations;
    size_t num_operations;
    const uint16_t *measurements; /* qubits, in the order of an outcome's bits; may repeat */
    size_t num_measurements;      /* 0 to 64 */
    const char *source_hash;
} coda_circuit;

typedef struct {
    const char *id;
    coda_circuit circuit;
    uint64_t shots; /* at least 1 */
} coda_job;

/* How often one outcome was seen. Bit i of bits, least significant first, is the
 * readout of measurements[i]. */
typedef struct {
    uint64_t bits;
    uint64_t count;
} coda_outcome;

/* What a job measured: each outcome at most once, none with a count of 0, and
 * counts that add up to shots_completed. */
typedef struct {
    const coda_outcome *outcomes;
    size_t num_outcomes;
    uint64_t shots_completed; /* 1 to the shots asked for */
    bool has_elapsed_ns;      /* false: the host measures the call */
    uint64_t elapsed_ns;      /* on the backend itself */
} coda_execution;

typedef struct {
    uint16_t control;
    uint16_t target;
} coda_edge;

/* The device behind the executor. */
typedef struct {
    const char *name; /* 1 to 128 bytes */
    coda_target target;
    uint16_t num_qubits;    /* at least 1 */
    const coda_edge *edges; /* coupled pairs of different qubits */
    size_t num_edges;       /* 0: any two qubits couple */
    bool directed;          /* false: control and target of an edge may be exchanged */
    bool has_max_shots;     /* false: any number of shots */
    uint64_t max_shots;
} coda_device;

typedef uint8_t coda_failure_kind;
enum {
    CODA_UNSUPPORTED, /* this circuit can never run on this device */
    CODA_UNAVAILABLE, /* not just now; the host may try again */
    CODA_CANCELLED,   /* coda_cancelled() was true */
    CODA_INTERNAL     /* any other fault */
};

typedef uint8_t coda_level;
enum { CODA_DEBUG, CODA_INFO, CODA_WARN, CODA_ERROR };

/* ---- What an author writes ---- */

/* Prepares the backend; called once, before any job. *device is zeroed before
 * the call. Returns true, or false by way of coda_fail. */
bool coda_open(coda_device *device);

/* Runs one job. *execution is zeroed before the call. Returns true, or false by
 * way of coda_fail. */
bool coda_run(const coda_job *job, coda_execution *execution);

/* ---- What an author may write ---- */

/* What became of one job of a batch; zeroed before the call. */
typedef struct {
    coda_execution execution;
    bool failed;            /* then execution is not looked at */
    coda_failure_kind kind; /* where it failed */
    const char *message;    /* where it failed; NULL for none */
} coda_result;

/* Runs jobs together, cheaper than apart: fills one result for each. Written as
 *
 *     static void run_together(const coda_job *jobs, size_t n, coda_result *results) {...}
 *     CODA_EXPORT_BATCH(run_together)
 *
 * at the top level of a file. The node still calls coda_run for single jobs. */
typedef void coda_batch(const coda_job *jobs, size_t num_jobs, coda_result *results);

#define CODA_EXPORT_BATCH(function)                                                                 \
    __attribute__((export_name("coda:executor/batch@0.1.0#run-batch"))) void *coda_export_run_batch( \
        const void *jobs, size_t num_jobs) {                                                        \
        return coda_serve_batch(function, jobs, num_jobs);                                          \
    }                                                                                               \
    __attribute__((export_name("cabi_post_coda:executor/batch@0.1.0#run-batch"))) void              \
    coda_post_run_batch(void *taken) {                                                              \
        coda_result_taken(taken);                                                                   \
    }

/* Brings the hardware to rest; returns true, or false by way of coda_fail. The
 * node calls it on a fresh instance, whose coda_open was not called: when it starts,
 * after a job was killed, trapped or ran out of time, and when it stops. Written as
 *
 *     static bool rest(void) {...}
 *     CODA_EXPORT_SAFETY(rest)
 */
typedef bool coda_safety(void);

#define CODA_EXPORT_SAFETY(function)                                                                  \
    __attribute__((export_name("coda:executor/safety@0.1.0#make-safe"))) void *coda_export_make_safe( \
        void) {                                                                                       \
        return coda_serve_safety(function);                                                           \
    }                                                                                                 \
    __attribute__((export_name("cabi_post_coda:executor/safety@0.1.0#make-safe"))) void               \
    coda_post_make_safe(void *taken) {                                                                \
        coda_result_taken(taken);                                                                     \
    }

/* Behind the two macros. */
void *coda_serve_batch(coda_batch *run, const void *jobs, size_t num_jobs);
void *coda_serve_safety(coda_safety *rest);
void coda_result_taken(void *taken);

/* ---- What an author calls ---- */

#define CODA_FORMAT(at) __attribute__((format(printf, at, (at) + 1)))

/* Says why coda_open or coda_run fails, and returns false:
 *
 *     return coda_fail(CODA_UNSUPPORTED, "%u qubits asked", (unsigned)n);
 *
 * The format knows %s, %d, %u, %x, %% and the lengths l, ll and z; from any other
 * verb on, it is copied as it stands. At most 1,023 bytes are kept. */
bool coda_fail(coda_failure_kind kind, const char *format, ...) CODA_FORMAT(2);

/* Writes one line to the node's log; formats as coda_fail does. */
void coda_log(coda_level level, const char *format, ...) CODA_FORMAT(2);

/* Returns size bytes, aligned for any type and not cleared, or NULL where the
 * memory limit does not allow them. Freed as the note on memory says. */
void *coda_alloc(size_t size);

/* True once the running job was cancelled or the node is stopping. Ask now and
 * then in a long run, and answer with CODA_CANCELLED. */
bool coda_cancelled(void);

/* Tells the operator how many shots are done. */
void coda_progress(uint64_t shots_completed);

/* The setting `key` of the device file's [config] table, by its dotted name;
 * NULL where it is not set. */
const char *coda_config_get(const char *key);

/* The names of all settings, and how many. */
const char *const *coda_config_keys(size_t *num_keys);

/* Gives back at once what coda_alloc and the host have handed out since a mark: for
 * a run that sends many requests. A mark is good until its call ends, or an earlier
 * one is released. */
typedef struct {
    void *chunk;
    size_t used;
} coda_mark_point;

coda_mark_point coda_mark(void);
void coda_release(coda_mark_point mark);

/* ---- Hardware: compile coda_io.c too ---- */

/* Each of these returns true, or false with *error filled. An endpoint is named as
 * the operator named it in the device file. */

typedef uint8_t coda_io_kind;
enum {
    CODA_IO_NOT_GRANTED, /* the operator granted no endpoint of this name and kind */
    CODA_IO_BUSY,        /* the endpoint is held by another user */
    CODA_IO_TIMED_OUT,
    CODA_IO_CLOSED,    /* by the other side, or by us; or not there: off, unplugged, out of reach */
    CODA_IO_CANCELLED, /* the job was cancelled while the call waited */
    CODA_IO_OUT_OF_RANGE,
    CODA_IO_OTHER
};

typedef struct {
    coda_io_kind kind;
    const char *message; /* lives as what the host hands in does */
} coda_io_error;

/* Fails the job because of an error: as cancelled where it was cancelled; as
 * unavailable, so that the node may try again, where the endpoint is busy, too slow
 * or gone; otherwise as internal. `doing` says what for:
 *
 *     if (!coda_stream_write(awg, "*RST\n", 5, &error)) return coda_fail_io("reset the AWG", &error);
 */
bool coda_fail_io(const char *doing, const coda_io_error *error);

/* A byte stream: TCP, TLS, a Unix socket, a serial line, a device. One that is all
 * zeros is closed, and every call on it fails as CODA_IO_CLOSED. It lives as long as
 * the instance, across jobs, unless it is closed. */
typedef struct {
    uint32_t handle;
} coda_stream;

bool coda_stream_open(const char *endpoint, coda_stream *stream, coda_io_error *error);

/* Bounds every later call; 0 leaves the operator's limit, which always holds. */
void coda_stream_set_timeout(coda_stream stream, uint32_t milliseconds);

/* Reads what has arrived, 1 to `size` bytes; *length is 0 at the end of the stream. */
bool coda_stream_read(coda_stream stream, void *buffer, size_t size, size_t *length, coda_io_error *error);

/* Reads exactly `size` bytes. Fails as CODA_IO_CLOSED if the stream ends before them;
 * what had arrived is lost. */
bool coda_stream_read_exact(coda_stream stream, void *buffer, size_t size, coda_io_error *error);

/* Reads up to and with `delimiter`. Without it at the end is what was cut at `size`
 * bytes, or what was left at the end of the stream; *length is 0 if nothing was. */
bool coda_stream_read_until(coda_stream stream, uint8_t delimiter, void *buffer, size_t size, size_t *length,
                            coda_io_error *error);

/* Writes all of the data. */
bool coda_stream_write(coda_stream stream, const void *data, size_t size, coda_io_error *error);

/* Gives the endpoint back and zeroes *stream. A closed one is left alone. */
void coda_stream_close(coda_stream *stream);

typedef struct {
    const char *name;
    const char *value;
} coda_header;

typedef struct {
    const char *method; /* NULL: GET */
    const char *path;   /* starts with '/'; joined to the endpoint's base URL */
    const coda_header *headers;
    size_t num_headers;
    const void *body;
    size_t body_size;
    uint32_t timeout_ms; /* 0: the operator's limit */
} coda_http_request;

/* Lives as what the host hands in does. */
typedef struct {
    uint16_t status;
    const coda_header *headers;
    size_t num_headers;
    const void *body;
    size_t body_size;
} coda_http_response;

/* Sends a request to an endpoint. The host owns TLS, the connections and the headers
 * that carry secrets. */
bool coda_http_send(const char *endpoint, const coda_http_request *request, coda_http_response *response,
                    coda_io_error *error);

/* A window of memory-mapped registers. Offsets are in bytes, multiples of four. One
 * that is all zeros is closed, as a stream is. */
typedef struct {
    uint32_t handle;
} coda_window;

bool coda_window_open(const char *endpoint, coda_window *window, coda_io_error *error);
bool coda_window_read32(coda_window window, uint32_t offset, uint32_t *value, coda_io_error *error);
bool coda_window_write32(coda_window window, uint32_t offset, uint32_t value, coda_io_error *error);

/* `count` consecutive words. */
bool coda_window_read_block(coda_window window, uint32_t offset, uint32_t *words, size_t count,
                            coda_io_error *error);
bool coda_window_write_block(coda_window window, uint32_t offset, const uint32_t *words, size_t count,
                             coda_io_error *error);

/* Waits in the host until (word & mask) == value, and gives the word. */
bool coda_window_poll32(coda_window window, uint32_t offset, uint32_t mask, uint32_t value,
                        uint32_t timeout_ms, uint32_t *word, coda_io_error *error);

/* Gives the endpoint back and zeroes *window. A closed one is left alone. */
void coda_window_close(coda_window *window);

#endif
