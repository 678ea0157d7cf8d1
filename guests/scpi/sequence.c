#define _DEFAULT_SOURCE /* getentropy */
#include "sequence.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "angle.h"
#include "circuit.h"
#include "commands.h"
#include "line.h"
#include "report.h"

bool sequence_check(const coda_job *job) {
    const coda_circuit *circuit = &job->circuit;
    if (circuit->num_qubits > num_qubits)
        return coda_fail(CODA_UNSUPPORTED, "the circuit has %u qubits, the instrument has %u",
                         (unsigned)circuit->num_qubits, num_qubits);
    if (job->shots > most_shots)
        return coda_fail(CODA_UNSUPPORTED, "%llu shots asked, the instrument runs at most %llu",
                         (unsigned long long)job->shots, (unsigned long long)most_shots);
    for (size_t i = 0; i < circuit->num_operations; i++) {
        coda_operation op = circuit->operations[i];
        if (op.gate >= NUM_GATES || gate_commands[op.gate] == NULL)
            return coda_fail(CODA_UNSUPPORTED, "gates[%zu]: the instrument has no command for %s", i,
                             op.gate < NUM_GATES ? gate_names[op.gate] : "an unknown gate");
        if (op.q0 >= num_qubits || op.q1 >= num_qubits || (couples(op.gate) && op.q0 == op.q1))
            return coda_fail(CODA_UNSUPPORTED, "gates[%zu]: qubits %u and %u are not two of the %u there are", i,
                             (unsigned)op.q0, (unsigned)op.q1, num_qubits);
        if (!isfinite(op.param) || (op.gate == CODA_ID && fabs(op.param) >= 0x1p53))
            return coda_fail(CODA_UNSUPPORTED, "gates[%zu]: the parameter is too large to send", i);
    }
    for (size_t i = 0; i < circuit->num_measurements; i++)
        if (circuit->measurements[i] >= num_qubits)
            return coda_fail(CODA_UNSUPPORTED, "measurements[%zu]: qubit %u is not one of the %u there are", i,
                             (unsigned)circuit->measurements[i], num_qubits);
    return true;
}

/* What is to be sent next: commands of a job, of which a part may be under way. */
enum { KEPT = 4096 };

static char kept[KEPT];
static size_t num_kept; /* bytes */

static bool flush(void) {
    size_t n = num_kept;
    num_kept = 0;
    if (n == 0) return true;
    if (coda_cancelled()) return report(CODA_CANCELLED, "cancelled while the circuit was loaded");
    return line_write("load the circuit", kept, n) && line_check("take the circuit");
}

static size_t num_whole; /* bytes of kept that are whole commands */

/* Makes room behind the commands that are whole, by sending these. */
static bool put(const char *text, size_t length) {
    if (length > KEPT - num_kept) {
        size_t rest = num_kept - num_whole;
        char part[KEPT];
        memcpy(part, kept + num_whole, rest);
        num_kept = num_whole, num_whole = 0;
        if (!flush()) return false;
        memcpy(kept, part, rest);
        num_kept = rest;
    }
    if (length > KEPT - num_kept) return report(CODA_INTERNAL, "a command is longer than %d bytes", (int)KEPT);
    memcpy(kept + num_kept, text, length);
    num_kept += length;
    return true;
}

static bool put_whole(uint64_t n) {
    char digits[20];
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    return put(digits + at, sizeof digits - at);
}

/* A decimal number, exact to 1e-17 below a million: 1.57079632679489656. Angles need no
 * exponent, and not every instrument reads one. */
static bool put_real(double x) {
    enum { PLACES = 17 };
    static const uint64_t scale = 100000000000000000; /* 10^PLACES */
    if (signbit(x)) {
        if (x != 0 && !put("-", 1)) return false;
        x = -x;
    }
    uint64_t whole = (uint64_t)x;
    double rest = x - (double)whole; /* exact */
    /* The rest in units of 2^-64, of which its 53 bits lose nothing above 2^-11, is
     * brought to units of 10^-17 by halves of 32 bits. */
    uint64_t units = (uint64_t)(rest * 0x1p32), low = (uint64_t)((rest * 0x1p32 - (double)units) * 0x1p32);
    uint64_t high = units * (scale >> 32), mid = units * (scale & 0xffffffff) + low * (scale >> 32);
    uint64_t places = high + (mid >> 32) + (((mid & 0xffffffff) + (low * (scale & 0xffffffff) >> 32) + 0x80000000) >> 32);
    if (places >= scale) whole++, places -= scale;
    if (!put_whole(whole)) return false;
    if (places == 0) return true;
    char digits[PLACES + 1] = ".";
    for (size_t i = PLACES; i > 0; i--, places /= 10) digits[i] = (char)('0' + places % 10);
    size_t length = PLACES + 1;
    while (digits[length - 1] == '0') length--;
    return put(digits, length);
}

static uint8_t tag; /* of the job: any number that others most likely have not */

/* What the placeholders of a command stand for. */
typedef struct {
    uint16_t q0, q1;
    double param;
    uint64_t shots, steps;
    const uint16_t *qubits;
    size_t num_qubits;
} values;

static bool put_value(const char *name, const values *v) {
    switch (*name) {
    case 'q':
        if (name[1] != 'u') return put_whole(first_qubit + (name[1] == '0' ? v->q0 : v->q1));
        for (size_t i = 0; i < v->num_qubits; i++)
            if ((i > 0 && !put(",", 1)) || !put_whole(first_qubit + v->qubits[i])) return false;
        return true;
    case 'p': return put_real(v->param);
    case 't': return put_whole(tag);
    case 'd': return put_real(v->param * (180 / 3.14159265358979323846));
    case 's': return name[1] == 'h' ? put_whole(v->shots) : name[1] == 't' ? put_whole(v->steps) : put_real(v->param * 1e-9);
    default: return true; /* the settings were checked */
    }
}

static bool put_filled(const char *command, const values *v) {
    for (const char *p = command; *p != 0;) {
        size_t plain = strcspn(p, "{");
        if (!put(p, plain)) return false;
        p += plain;
        if (*p == 0) break;
        if (!put_value(p + 1, v)) return false;
        p = strchr(p, '}') + 1;
    }
    return true;
}

static bool put_command(const char *command, const values *v) {
    if (!put_filled(command, v) || !put("\n", 1)) return false;
    num_whole = num_kept;
    return true;
}

bool sequence_load(const coda_job *job) {
    const coda_circuit *circuit = &job->circuit;
    values v = {.shots = job->shots, .qubits = circuit->measurements, .num_qubits = circuit->num_measurements};
    num_kept = 0, num_whole = 0;
    if (getentropy(&tag, 1) != 0) return report(CODA_INTERNAL, "the host gives no random numbers");
    if ((commands.begin != NULL && !put_command(commands.begin, &v)) || !put_command(commands.shots, &v)) return false;
    for (size_t i = 0; i < circuit->num_operations; i++) {
        coda_operation op = circuit->operations[i];
        v.q0 = op.q0, v.q1 = op.q1, v.param = op.gate == CODA_ID ? op.param : near_angle(op.param);
        if (!put_command(gate_commands[op.gate], &v)) return false;
    }
    bool together = strstr(commands.measure, "{qubits}") != NULL;
    for (size_t i = 0; i < (together ? 1 : circuit->num_measurements); i++) {
        v.q0 = circuit->measurements[i];
        if (!put_command(commands.measure, &v)) return false;
    }
    return flush();
}

bool sequence_proof(const coda_job *job, bool *mixed) {
    const char *text;
    values v = {.shots = job->shots, .steps = job->circuit.num_operations + job->circuit.num_measurements};
    if (commands.proof == NULL) return true;
    num_kept = 0, num_whole = 0;
    if (!line_ask(commands.proof, &text) || !put_filled(answer_proof, &v) || !put("", 1)) return false;
    *mixed = !answer_matches(kept, text);
    return !*mixed ||
           report(CODA_INTERNAL, "the sequence that ran is not the one of the job: %s answers \"%s\", not \"%s\"",
                  commands.proof, text, kept);
}
