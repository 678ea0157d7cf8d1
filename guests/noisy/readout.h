/* Reads the qubits, with the noise of measurements, and counts what was read. */
#ifndef READOUT_H
#define READOUT_H

#include "coda.h"
#include "random.h"
#include "run.h"
#include "work.h"

typedef struct {
    const coda_circuit *circuit;
    chance flip; /* of a bit: half the rate, as a qubit that forgets reads either */
    random_stream *stream;
    work *work;
    coda_outcome *outcomes; /* a table by bits; a count of 0 is a free place */
    size_t num_outcomes, room;
} readout;

readout readout_begin(const coda_circuit *circuit, double rate, random_stream *stream, work *work);

/* Reads `shots` shots in which exactly the qubits in `set` are 1. Returns false by
 * way of coda_fail. */
bool readout_read(readout *r, uint32_t set, uint64_t shots);

/* Reads `shots` shots drawn from the distribution of the slots in `measured`, as
 * state_distribution returns it; overwrites it. */
bool readout_draw(readout *r, double *distribution, const int slots[MAX_QUBITS], size_t measured, uint64_t shots);

/* Brings the outcomes to the front of the table. */
void readout_end(readout *r);

#endif
