/* The settings of an instrument: what it is told, and how it answers. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "coda.h"

enum { NUM_GATES = CODA_CNOT + 1 };

/* A layout of what is read. */
typedef uint8_t layout;
enum {
    PACKED_LSB, /* a bit per readout, from the least significant bit of the first byte */
    PACKED_MSB, /* from the most significant */
    BYTES,      /* a byte per readout, 0 or 1 */
    ASCII       /* no block: a bitstring per shot, between commas */
};

/* Commands; NULL where the instrument has none. Several are lines of one text. */
typedef struct {
    const char *identify, *reset, *begin, *shots, *measure, *arm, *run, *poll, *count, *read, *proof, *finish, *error,
        *abort, *safe, *verify;
} command_set;

extern command_set commands;
extern const char *gate_commands[NUM_GATES]; /* NULL: the instrument has no such gate */
extern const char *const gate_names[NUM_GATES];

/* How the instrument answers; '*' stands for any text. identity is NULL if any will do. */
extern const char *answer_identity, *answer_done, *answer_running, *answer_proof, *answer_safe;

extern layout block_layout;
extern size_t block_align; /* a shot's record is a multiple of so many bytes */

extern const char *endpoint;
extern unsigned num_qubits;
extern uint64_t first_qubit; /* the number that the instrument gives to qubit 0 */
extern uint64_t most_shots;
extern uint64_t run_timeout_ms;
extern bool keep_open; /* the connection, between jobs */

/* Reads all of them, once per instance. Returns false by way of coda_fail. */
bool commands_read(void);

/* Whether a pattern stands for a text. */
bool answer_matches(const char *pattern, const char *text);

#endif
