#define _POSIX_C_SOURCE 200809L /* strdup */
#include "commands.h"

#include <string.h>

#include "circuit.h"
#include "settings.h"

command_set commands;
const char *gate_commands[NUM_GATES];
const char *const gate_names[NUM_GATES] = {"rx", "ry", "rz",  "cz",         "iswap",     "cp",
                                           "id", "x90", "y_minus_90", "virtual_z", "cnot"};
const char *answer_identity, *answer_done, *answer_running, *answer_proof, *answer_safe;
layout block_layout;
size_t block_align;
const char *endpoint;
unsigned num_qubits;
uint64_t first_qubit, most_shots, run_timeout_ms;
bool keep_open;

enum { MOST_QUBITS = 1024 };

/* A setting by its dotted name, and what it is if nobody sets it. */
typedef struct {
    const char *key;
    const char **value;
    const char *fallback; /* NULL: not there */
    const char *holds;    /* the placeholders that it may have, between blanks */
} text_setting;

/* What `coda instrument scpi` understands. A device file with a table of its own, gate
 * or command, gets none of these: what it leaves out is not sent. */
static const text_setting texts[] = {
    {"endpoint", &endpoint, "scpi", ""},
    {"command.identify", &commands.identify, "*IDN?", ""},
    {"command.reset", &commands.reset, "ABOR;*CLS;*RST", ""},
    {"command.begin", &commands.begin, "*CLS;:SEQ:CLE;*ESE {tag}", " tag "},
    {"command.shots", &commands.shots, "SHOT {shots}", " shots "},
    {"command.measure", &commands.measure, "SEQ:MEAS {qubits}", " qubits q0 "},
    {"command.arm", &commands.arm, "OUTP ON", ""},
    {"command.run", &commands.run, "INIT", ""},
    {"command.poll", &commands.poll, "STAT?", ""},
    {"command.count", &commands.count, "SHOT:DONE?", ""},
    {"command.read", &commands.read, "FETC?", ""},
    {"command.proof", &commands.proof, "SEQ:LENG?;*ESE?", ""},
    {"command.finish", &commands.finish, "OUTP OFF", ""},
    {"command.error", &commands.error, "SYST:ERR?", ""},
    {"command.abort", &commands.abort, "ABOR", ""},
    {"command.safe", &commands.safe, "OUTP OFF", ""},
    {"command.verify", &commands.verify, "OUTP?;:STAT:OPER:COND?", ""},
    {"answer.identity", &answer_identity, NULL, ""},
    {"answer.done", &answer_done, "DONE", ""},
    {"answer.running", &answer_running, "RUN", ""},
    {"answer.proof", &answer_proof, "{steps};{tag}", " steps tag "},
    {"answer.safe", &answer_safe, "0;0", ""},
    {"gate.rx", &gate_commands[CODA_RX], "SEQ:RX {q0},{param}", " q0 param degrees "},
    {"gate.ry", &gate_commands[CODA_RY], "SEQ:RY {q0},{param}", " q0 param degrees "},
    {"gate.rz", &gate_commands[CODA_RZ], "SEQ:RZ {q0},{param}", " q0 param degrees "},
    {"gate.cz", &gate_commands[CODA_CZ], "SEQ:CZ {q0},{q1}", " q0 q1 "},
    {"gate.iswap", &gate_commands[CODA_ISWAP], "SEQ:ISW {q0},{q1}", " q0 q1 "},
    {"gate.cp", &gate_commands[CODA_CP], "SEQ:CPH {q0},{q1},{param}", " q0 q1 param degrees "},
    {"gate.id", &gate_commands[CODA_ID], "SEQ:IDLE {q0},{param}", " q0 param seconds "},
    {"gate.x90", &gate_commands[CODA_X90], "SEQ:X90 {q0}", " q0 "},
    {"gate.y_minus_90", &gate_commands[CODA_Y_MINUS_90], "SEQ:YM90 {q0}", " q0 "},
    {"gate.virtual_z", &gate_commands[CODA_VIRTUAL_Z], "SEQ:VZ {q0},{param}", " q0 param degrees "},
    {"gate.cnot", &gate_commands[CODA_CNOT], "SEQ:CNOT {q0},{q1}", " q0 q1 "},
};

enum { NUM_TEXTS = sizeof texts / sizeof *texts };

/* The settings that are no texts. */
static const char *const others[] = {
    "name",           "num_qubits", "first_qubit",  "target",      "edges", "directed", "max_shots",
    "run_timeout_ms", "keep_open",  "block.layout", "block.align",
};

enum { NUM_OTHERS = sizeof others / sizeof *others };

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

/* A slip in the name of a command must not leave it unsent. */
static bool check_names(void) {
    const char *names[NUM_OTHERS + NUM_TEXTS];
    memcpy(names, others, sizeof others);
    for (size_t i = 0; i < NUM_TEXTS; i++) names[NUM_OTHERS + i] = texts[i].key;
    return settings_known(names, NUM_OTHERS + NUM_TEXTS);
}

/* Reads the placeholders of a command: each must be one that it may have. */
static bool check_placeholders(const text_setting *setting, const char *text) {
    for (const char *p = text; *p != 0; p++) {
        if (*p != '{') continue;
        const char *end = strchr(p, '}');
        char name[16] = " ";
        size_t length = end == NULL ? 0 : (size_t)(end - p - 1);
        bool known = length > 0 && length < sizeof name - 2;
        if (known) {
            memcpy(name + 1, p + 1, length);
            memcpy(name + 1 + length, " ", 2);
            known = strstr(setting->holds, name) != NULL;
        }
        if (!known)
            return coda_fail(CODA_INTERNAL, "setting %s: \"%s\": after \"{\" comes one of these and a \"}\":%s",
                             setting->key, text, *setting->holds == 0 ? " none" : setting->holds);
        p = end;
    }
    return true;
}

static bool check_gate(coda_gate gate, const char *text) {
    bool turns = gate == CODA_RX || gate == CODA_RY || gate == CODA_RZ || gate == CODA_CP || gate == CODA_VIRTUAL_Z;
    const char *missing = NULL;
    if (turns && strstr(text, "{param}") == NULL && strstr(text, "{degrees}") == NULL) missing = "{param} or {degrees}";
    if (couples(gate) && strstr(text, "{q1}") == NULL) missing = "{q1}";
    if ((couples(gate) || num_qubits > 1) && strstr(text, "{q0}") == NULL) missing = "{q0}";
    return missing == NULL ||
           coda_fail(CODA_INTERNAL, "setting gate.%s: \"%s\" lacks %s", gate_names[gate], text, missing);
}

static bool check_text(const text_setting *setting, const char *text) {
    for (const char *p = text; *p != 0; p++)
        if ((*p < ' ' && *p != '\t' && *p != '\n') || *p > '~')
            return coda_fail(CODA_INTERNAL, "setting %s: \"%s\" has characters that are not ASCII", setting->key, text);
    return (begins(setting->key, "answer.") && setting->value != &answer_proof) || check_placeholders(setting, text);
}

static bool read_texts(void) {
    size_t num_keys;
    const char *const *keys = coda_config_keys(&num_keys);
    bool own_gates = false, own_commands = false;
    for (size_t i = 0; i < num_keys; i++) {
        own_gates |= begins(keys[i], "gate.");
        own_commands |= begins(keys[i], "command.");
    }
    for (size_t i = 0; i < NUM_TEXTS; i++) {
        const text_setting *setting = &texts[i];
        const char *text = coda_config_get(setting->key);
        if (text == NULL) {
            bool left_out = (own_gates && begins(setting->key, "gate.")) ||
                            (own_commands && begins(setting->key, "command."));
            *setting->value = left_out ? NULL : setting->fallback;
            continue;
        }
        if (!check_text(setting, text)) return false;
        *setting->value = NULL;
        if (*text == 0) continue;
        /* What the host hands out is gone after this call. */
        *setting->value = strdup(text);
        if (*setting->value == NULL) return coda_fail(CODA_INTERNAL, "no memory is left for the settings");
    }
    return true;
}

static bool read_keep_open(void) {
    const char *text = coda_config_get("keep_open");
    keep_open = text != NULL && strcmp(text, "true") == 0;
    return text == NULL || keep_open || strcmp(text, "false") == 0 ||
           coda_fail(CODA_INTERNAL, "setting keep_open: \"%s\" is neither true nor false", text);
}

static bool read_block(void) {
    static const char *const names[] = {"packed", "packed-msb", "bytes", "ascii"};
    const char *text = coda_config_get("block.layout");
    block_layout = PACKED_LSB;
    if (text != NULL) {
        while (block_layout <= ASCII && strcmp(text, names[block_layout]) != 0) block_layout++;
        if (block_layout > ASCII)
            return coda_fail(CODA_INTERNAL, "setting block.layout: \"%s\" is not one of packed, packed-msb, bytes, ascii",
                             text);
    }
    uint64_t align = 1;
    if (!setting_number("block.align", 1, 64, &align)) return false;
    block_align = (size_t)align;
    return true;
}

static bool need(const char *key, const char *value, const char *what) {
    return value != NULL || coda_fail(CODA_INTERNAL, "setting %s is missing: %s", key, what);
}

bool commands_read(void) {
    uint64_t qubits = 5;
    first_qubit = 0, most_shots = 1000 * 1000, run_timeout_ms = 50 * 1000;
    if (!check_names() || !setting_number("num_qubits", 1, MOST_QUBITS, &qubits)) return false;
    num_qubits = (unsigned)qubits;
    if (!setting_number("first_qubit", 0, 1000 * 1000, &first_qubit) ||
        !setting_number("max_shots", 1, 1000 * 1000 * 1000, &most_shots) ||
        !setting_number("run_timeout_ms", 1, 86400 * 1000, &run_timeout_ms) || !read_keep_open() ||
        !read_texts() || !read_block())
        return false;
    if (!need("endpoint", endpoint, "it is empty") || !need("command.measure", commands.measure, "nothing would be read") ||
        !need("command.read", commands.read, "nothing would be read") ||
        !need("command.shots", commands.shots, "the instrument would not know how many") ||
        (commands.poll != NULL && (!need("answer.done", answer_done, "command.poll waits for it") ||
                                   !need("answer.running", answer_running, "command.poll answers it"))) ||
        (commands.proof != NULL && !need("answer.proof", answer_proof, "command.proof answers it")) ||
        (commands.verify != NULL && !need("answer.safe", answer_safe, "command.verify answers it")))
        return false;
    if (strstr(commands.measure, "{q") == NULL)
        return coda_fail(CODA_INTERNAL, "setting command.measure: \"%s\" lacks {qubits} or {q0}", commands.measure);
    if (strstr(commands.shots, "{shots}") == NULL)
        return coda_fail(CODA_INTERNAL, "setting command.shots: \"%s\" lacks {shots}", commands.shots);
    for (coda_gate gate = 0; gate < NUM_GATES; gate++)
        if (gate_commands[gate] != NULL && !check_gate(gate, gate_commands[gate])) return false;
    return true;
}

bool answer_matches(const char *pattern, const char *text) {
    for (; *pattern != 0; pattern++, text++) {
        if (*pattern == '*') {
            do
                if (answer_matches(pattern + 1, text)) return true;
            while (*text++ != 0);
            return false;
        }
        if (*pattern != *text) return false;
    }
    return *text == 0;
}
