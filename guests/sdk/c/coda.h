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
 * until the host has taken the result of the running coda_open or coda_run;
 * then all of it is freed at once. Copy what must live longer. Nothing that an
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

/* ---- What an author calls ---- */

#define CODA_FORMAT(at) __attribute__((format(printf, at, (at) + 1)))

/* Says why coda_open or coda_run fails, and returns false:
 *
 *     return coda_fail(CODA_UNSUPPORTED, "%u qubits asked", (unsigned)n);
 *
 * The format knows %s, %d, %u, %% and the lengths l, ll and z; from any other
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

#endif
