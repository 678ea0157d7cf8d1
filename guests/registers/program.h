/* A circuit as the sequencer's instructions. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "sequencer.h"

enum { MOST_MEASUREMENTS = 64 };

/* What is read of a shot, and which of it each measurement is. With more measurements
 * than the sequencer has readouts, a qubit that is measured twice is read once. */
typedef struct {
    size_t num;
    uint16_t qubits[MOST_MEASUREMENTS];
    uint8_t of[MOST_MEASUREMENTS];
} readouts;

/* Makes the program of a circuit, from coda_alloc. NULL by way of coda_fail where the
 * sequencer cannot run it. */
const instruction *program_make(const coda_circuit *circuit, const sequencer *s, readouts *reads, size_t *length);

#endif
