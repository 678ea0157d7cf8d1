/* A circuit as the sequencer's instructions. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "sequencer.h"

/* Makes the program of a circuit, from coda_alloc. NULL by way of coda_fail where the
 * sequencer cannot run it. */
const instruction *program_make(const coda_circuit *circuit, const sequencer *s, size_t *length);

#endif
