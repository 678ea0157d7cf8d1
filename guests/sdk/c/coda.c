/*
 * The canonical ABI of wit/executor.wit, by hand: exports that lift their
 * arguments into the types of coda.h and lower the results, imports that do the
 * reverse, and the memory both need. Pointers and lengths are 32 bits.
 */
#include "coda.h"

#include <stdarg.h>

#define EXPORT(name) __attribute__((export_name(name)))
#define IMPORT(from, name) __attribute__((import_module(from), import_name(name)))

#define EXECUTOR "coda:executor/executor@0.1.0"
#define CONTEXT "coda:executor/context@0.1.0"
#define CONFIG "coda:executor/config@0.1.0"

/* ---- Layout on the wire ---- */

typedef struct {
    const void *data;
    size_t length; /* in elements; in bytes for a string */
} wire_list;

typedef struct {
    uint8_t some;
    uint64_t value;
} wire_option_u64;

typedef struct {
    wire_list name;
    uint8_t target;
    uint16_t num_qubits;
    wire_list edges;
    uint8_t directed;
    wire_option_u64 max_shots;
} wire_device;

typedef struct {
    wire_list outcomes;
    uint64_t shots_completed;
    wire_option_u64 elapsed_ns;
} wire_execution;

typedef struct {
    uint8_t kind;
    wire_list message;
} wire_failure;

typedef struct {
    uint8_t failed;
    union {
        wire_device device;
        wire_execution execution;
        wire_failure failure;
    };
} wire_result;

typedef struct {
    uint8_t some;
    wire_list value;
} wire_option_string;

/* A job of a batch. */
typedef struct {
    wire_list id;
    uint8_t target;
    uint16_t num_qubits;
    wire_list operations;
    wire_list measurements;
    wire_list source_hash;
    uint64_t shots;
} wire_job;

/* What became of it. */
typedef struct {
    uint8_t failed;
    union {
        wire_execution execution;
        wire_failure failure;
    };
} wire_job_result;

/* What make-safe gives. */
typedef struct {
    uint8_t failed;
    wire_failure failure;
} wire_rest;

#define HOLDS(type, size) _Static_assert(sizeof(type) == (size), #type " must be " #size " bytes")
#define AT(type, field, offset) \
    _Static_assert(offsetof(type, field) == (offset), #type "." #field " must be at " #offset)

HOLDS(void *, 4);
HOLDS(wire_list, 8);
AT(wire_list, length, 4);
HOLDS(wire_option_u64, 16);
AT(wire_option_u64, value, 8);
HOLDS(wire_option_string, 12);
AT(wire_option_string, value, 4);
HOLDS(wire_device, 40);
AT(wire_device, target, 8);
AT(wire_device, num_qubits, 10);
AT(wire_device, edges, 12);
AT(wire_device, directed, 20);
AT(wire_device, max_shots, 24);
HOLDS(wire_execution, 32);
AT(wire_execution, shots_completed, 8);
AT(wire_execution, elapsed_ns, 16);
HOLDS(wire_failure, 12);
AT(wire_failure, message, 4);
/* One layout serves both results, since both payloads begin at 8. A failure in
 * a result is read there too. */
HOLDS(wire_result, 48);
AT(wire_result, device, 8);
AT(wire_result, execution, 8);
AT(wire_result, failure, 8);

HOLDS(wire_job, 48);
AT(wire_job, num_qubits, 10);
AT(wire_job, operations, 12);
AT(wire_job, source_hash, 28);
AT(wire_job, shots, 40);
HOLDS(wire_job_result, 40);
AT(wire_job_result, execution, 8);
AT(wire_job_result, failure, 8);
HOLDS(wire_rest, 16);
AT(wire_rest, failure, 4);
/* Lists of these cross the boundary as they are. */
HOLDS(coda_operation, 16);
AT(coda_operation, q0, 2);
AT(coda_operation, q1, 4);
AT(coda_operation, param, 8);
HOLDS(coda_outcome, 16);
AT(coda_outcome, count, 8);
HOLDS(coda_edge, 4);
AT(coda_edge, target, 2);

/* ---- Memory of one call ---- */

/* An arena: blocks are cut from chunks one after the other and given back all at
 * once. The host's arguments, the author's results and the SDK's copies share
 * one lifetime, so nothing else is needed. The first chunk is static: a small
 * job never grows the memory. Others come straight from memory.grow, which any
 * malloc beside it tolerates. */

enum { ALIGNMENT = 16, PAGE = 65536, FIRST_CHUNK = 16384 };

typedef struct chunk {
    _Alignas(ALIGNMENT) struct chunk *next;
    size_t size; /* of the whole chunk, this header included */
} chunk;

HOLDS(chunk, ALIGNMENT);

static union {
    chunk header;
    unsigned char bytes[FIRST_CHUNK];
} first;

static chunk *current;
static size_t used; /* bytes of the current chunk */

static void arena_reset(void) {
    first.header.size = sizeof first;
    current = &first.header;
    used = sizeof(chunk);
}

/* Moves on to a chunk behind the current one, growing the memory by one that
 * holds size bytes where there is none yet. */
static bool arena_advance(size_t size) {
    if (current->next == NULL) {
        size_t pages = (size + sizeof(chunk) + PAGE - 1) / PAGE;
        size_t page = __builtin_wasm_memory_grow(0, pages);
        if (page == SIZE_MAX) return false;
        current->next = (chunk *)(page * PAGE);
        current->next->next = NULL;
        current->next->size = pages * PAGE;
    }
    current = current->next;
    used = sizeof(chunk);
    return true;
}

void *coda_alloc(size_t size) {
    if (size > SIZE_MAX - 2 * PAGE) return NULL;
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (current == NULL) arena_reset();
    while (size > current->size - used)
        if (!arena_advance(size)) return NULL;
    void *block = (unsigned char *)current + used;
    used += size;
    return block;
}

coda_mark_point coda_mark(void) {
    if (current == NULL) arena_reset();
    return (coda_mark_point){current, used};
}

void coda_release(coda_mark_point mark) {
    current = mark.chunk;
    used = mark.used;
}

/* An allocation that the ABI has no way to refuse: the host would write to
 * address 0. */
static void *must_alloc(size_t size) {
    void *block = coda_alloc(size);
    if (block == NULL) __builtin_trap();
    return block;
}

EXPORT("cabi_realloc")
void *coda_realloc(void *old, size_t old_size, size_t align, size_t size) {
    if (size == 0) return (void *)align; /* any aligned address but 0 will do */
    if (align > ALIGNMENT) __builtin_trap();
    if (size <= old_size) return old;
    void *block = must_alloc(size);
    if (old_size > 0) __builtin_memcpy(block, old, old_size);
    return block;
}

/* ---- Text ---- */

static wire_list lower_text(const char *text) {
    size_t length = 0;
    while (text != NULL && text[length] != 0) length++;
    return (wire_list){text, length};
}

static const char *lift_text(const char *data, size_t length) {
    char *text = must_alloc(length + 1);
    if (length > 0) __builtin_memcpy(text, data, length);
    text[length] = 0;
    return text;
}

enum { TEXT_LIMIT = 1024 };

typedef struct {
    char *out;
    size_t length;
} writer;

static void put(writer *w, const char *text, size_t length) {
    for (size_t i = 0; i < length && w->length < TEXT_LIMIT - 1; i++) w->out[w->length++] = text[i];
}

static void put_number(writer *w, uint64_t magnitude, unsigned base, bool negative) {
    char digits[21];
    size_t at = sizeof digits;
    do digits[--at] = "0123456789abcdef"[magnitude % base];
    while ((magnitude /= base) != 0);
    if (negative) digits[--at] = '-';
    put(w, digits + at, sizeof digits - at);
}

/* Drops what a cut at the limit left of a character of several bytes: the host
 * takes nothing but UTF-8. */
static void drop_partial(writer *w) {
    size_t start = w->length, size = 1;
    while (start > 0 && ((unsigned char)w->out[start - 1] & 0xC0) == 0x80) start--;
    if (start == 0) return;
    unsigned char lead = (unsigned char)w->out[--start];
    if (lead >= 0xC0) size = 2u + (lead >= 0xE0) + (lead >= 0xF0);
    if (w->length - start < size) w->length = start;
}

/* A printf of the few verbs that a message needs: libc's own would bring its
 * floating point and, with some toolchains, a library that is not installed. */
static void format_text(char *out, const char *format, va_list args) {
    writer w = {out, 0};
    for (const char *p = format; *p != 0;) {
        if (*p != '%') {
            put(&w, p++, 1);
            continue;
        }
        const char *verb = p + 1;
        int longs = 0;
        for (; *verb == 'l' && longs < 2; verb++) longs++;
        if (longs == 0 && *verb == 'z') longs = 1, verb++; /* size_t is a long here */
        if (*verb == 's') {
            wire_list text = lower_text(va_arg(args, const char *));
            put(&w, text.data, text.length);
        } else if (*verb == 'd') {
            int64_t n = longs == 2 ? va_arg(args, long long) : longs == 1 ? va_arg(args, long) : va_arg(args, int);
            put_number(&w, n < 0 ? -(uint64_t)n : (uint64_t)n, 10, n < 0);
        } else if (*verb == 'u' || *verb == 'x') {
            put_number(&w, longs == 2   ? va_arg(args, unsigned long long)
                           : longs == 1 ? va_arg(args, unsigned long)
                                        : va_arg(args, unsigned),
                       *verb == 'x' ? 16 : 10, false);
        } else if (*verb == '%') {
            put(&w, "%", 1);
        } else {
            put(&w, p, lower_text(p).length);
            break;
        }
        p = verb + 1;
    }
    if (w.length == TEXT_LIMIT - 1) drop_partial(&w);
    out[w.length] = 0;
}

/* ---- Start-up ---- */

/* Made by the linker: runs the constructors, if there are any. */
void __wasm_call_ctors(void);

/* The host calls this once. Without it the linker takes the module for a command
 * and wraps every export in code that starts and ends one. Weak, since a clang
 * that links with -mexec-model=reactor brings its own. */
__attribute__((weak)) EXPORT("_initialize") void _initialize(void) { __wasm_call_ctors(); }

/* ---- The executor interface ---- */

/* Static: a result outlives the call that returns its address, and a failure
 * must be told even where memory has run out. */
static wire_result result;
static coda_failure_kind failure_kind;
static char failure_text[TEXT_LIMIT];

bool coda_fail(coda_failure_kind kind, const char *format, ...) {
    va_list args;
    va_start(args, format);
    format_text(failure_text, format, args);
    va_end(args);
    failure_kind = kind;
    return false;
}

/* What an author who returns false without coda_fail has failed with. */
static void forget_failure(void) {
    failure_kind = CODA_INTERNAL;
    failure_text[0] = 0;
}

static wire_failure lower_reason(coda_failure_kind kind, const char *text) {
    if (text == NULL || text[0] == 0) text = "the executor failed without giving a reason";
    return (wire_failure){kind, lower_text(text)};
}

static wire_result *lower_failure(void) {
    result.failed = 1;
    result.failure = lower_reason(failure_kind, failure_text);
    return &result;
}

static wire_execution lower_execution(const coda_execution *execution) {
    return (wire_execution){
        .outcomes = {execution->outcomes, execution->num_outcomes},
        .shots_completed = execution->shots_completed,
        .elapsed_ns = {execution->has_elapsed_ns, execution->elapsed_ns},
    };
}

EXPORT(EXECUTOR "#open")
wire_result *coda_export_open(void) {
    coda_device device = {0};
    forget_failure();
    if (!coda_open(&device)) return lower_failure();
    result.failed = 0;
    result.device = (wire_device){
        .name = lower_text(device.name),
        .target = device.target,
        .num_qubits = device.num_qubits,
        .edges = {device.edges, device.num_edges},
        .directed = device.directed,
        .max_shots = {device.has_max_shots, device.max_shots},
    };
    return &result;
}

/* The job arrives flattened, field by field in the order of the WIT. */
EXPORT(EXECUTOR "#run")
wire_result *coda_export_run(const char *id, size_t id_length, uint32_t target, uint32_t num_qubits,
                             const coda_operation *operations, size_t num_operations,
                             const uint16_t *measurements, size_t num_measurements,
                             const char *source_hash, size_t source_hash_length, uint64_t shots) {
    coda_job job = {
        .id = lift_text(id, id_length),
        .circuit = {
            .target = (coda_target)target,
            .num_qubits = (uint16_t)num_qubits,
            .operations = operations,
            .num_operations = num_operations,
            .measurements = measurements,
            .num_measurements = num_measurements,
            .source_hash = lift_text(source_hash, source_hash_length),
        },
        .shots = shots,
    };
    coda_execution execution = {0};
    forget_failure();
    if (!coda_run(&job, &execution)) return lower_failure();
    result.failed = 0;
    result.execution = lower_execution(&execution);
    return &result;
}

/* The host has taken the result: the call's memory is free. */
EXPORT("cabi_post_" EXECUTOR "#open")
void coda_post_open(wire_result *taken) {
    (void)taken;
    arena_reset();
}

EXPORT("cabi_post_" EXECUTOR "#run")
void coda_post_run(wire_result *taken) {
    (void)taken;
    arena_reset();
}

/* ---- The host's functions ---- */

IMPORT(CONTEXT, "log") void import_log(uint32_t level, const char *message, size_t length);
IMPORT(CONTEXT, "cancelled") uint32_t import_cancelled(void);
IMPORT(CONTEXT, "progress") void import_progress(uint64_t shots_completed);
IMPORT(CONFIG, "get") void import_config_get(const char *key, size_t length, wire_option_string *value);
IMPORT(CONFIG, "keys") void import_config_keys(wire_list *keys);

void coda_log(coda_level level, const char *format, ...) {
    char line[TEXT_LIMIT];
    va_list args;
    va_start(args, format);
    format_text(line, format, args);
    va_end(args);
    import_log(level, line, lower_text(line).length);
}

bool coda_cancelled(void) { return import_cancelled() != 0; }

void coda_progress(uint64_t shots_completed) { import_progress(shots_completed); }

const char *coda_config_get(const char *key) {
    wire_option_string value;
    import_config_get(key, lower_text(key).length, &value);
    return value.some ? lift_text(value.value.data, value.value.length) : NULL;
}

const char *const *coda_config_keys(size_t *num_keys) {
    wire_list keys;
    import_config_keys(&keys);
    const wire_list *names = keys.data;
    const char **texts = must_alloc(keys.length * sizeof *texts);
    for (size_t i = 0; i < keys.length; i++) texts[i] = lift_text(names[i].data, names[i].length);
    *num_keys = keys.length;
    return texts;
}

/* ---- Batches and safety ---- */

static wire_list job_results;

void *coda_serve_batch(coda_batch *run, const void *data, size_t num_jobs) {
    const wire_job *wire = data;
    coda_job *jobs = must_alloc(num_jobs * sizeof *jobs);
    coda_result *results = must_alloc(num_jobs * sizeof *results);
    wire_job_result *lowered = must_alloc(num_jobs * sizeof *lowered);
    for (size_t i = 0; i < num_jobs; i++) {
        jobs[i] = (coda_job){
            .id = lift_text(wire[i].id.data, wire[i].id.length),
            .circuit = {
                .target = wire[i].target,
                .num_qubits = wire[i].num_qubits,
                .operations = wire[i].operations.data,
                .num_operations = wire[i].operations.length,
                .measurements = wire[i].measurements.data,
                .num_measurements = wire[i].measurements.length,
                .source_hash = lift_text(wire[i].source_hash.data, wire[i].source_hash.length),
            },
            .shots = wire[i].shots,
        };
        results[i] = (coda_result){0};
    }
    run(jobs, num_jobs, results);
    for (size_t i = 0; i < num_jobs; i++) {
        lowered[i].failed = results[i].failed;
        if (results[i].failed)
            lowered[i].failure = lower_reason(results[i].kind, results[i].message);
        else
            lowered[i].execution = lower_execution(&results[i].execution);
    }
    job_results = (wire_list){lowered, num_jobs};
    return &job_results;
}

void *coda_serve_safety(coda_safety *rest) {
    static wire_rest safe;
    forget_failure();
    safe.failed = !rest();
    if (safe.failed) safe.failure = lower_reason(failure_kind, failure_text);
    return &safe;
}

void coda_result_taken(void *taken) {
    (void)taken;
    arena_reset();
}
