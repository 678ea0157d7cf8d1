/* The sequencer behind the registers: the map of version 1.x, as host/instrument/fake
 * has it. */
#ifndef SEQUENCER_H
#define SEQUENCER_H

#include "coda.h"

enum { SEQUENCER_READS = 32 }; /* readouts of a shot, at most */

/* What the sequencer says that it is. */
typedef struct {
    uint32_t version;
    uint32_t num_qubits;
    uint32_t program, num_instructions; /* offset, and how many fit */
    uint32_t results, num_results;      /* offset, and how many shots fit */
} sequencer;

/* An instruction as the program memory has it. */
typedef struct {
    uint32_t word;
    uint32_t parameter;
} instruction;

/* Makes sure that a sequencer answers, and reads what it is. */
bool sequencer_ready(const char *endpoint, sequencer *s);

/* Gives the window back. */
void sequencer_close(void);

/* Resets it: nothing runs, the output is off. */
bool sequencer_reset(void);

bool sequencer_load(const sequencer *s, const instruction *program, size_t length);

/* Runs the program and waits for its end. */
bool sequencer_run(const sequencer *s, uint32_t shots, size_t length, size_t reads, uint64_t timeout_ms);

/* Reads the results of the last run: a word a shot. */
bool sequencer_results(const sequencer *s, uint32_t *words, uint32_t shots);

/* Ends whatever runs, turns the output off, and reads whether it is. */
bool sequencer_rest(void);

/* The same for one of which nothing is known. */
bool sequencer_rest_anyhow(const char *endpoint);

#endif
