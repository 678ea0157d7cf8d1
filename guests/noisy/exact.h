/* Computes the distribution that the noise leads to, exactly, and draws from it. */
#ifndef EXACT_H
#define EXACT_H

#include "noise.h"
#include "readout.h"

/* The most qubits in the state: 128 MiB. */
enum { EXACT_QUBITS = 12 };

/* Runs the work's shots and reads them. Returns false by way of coda_fail. */
bool exact_run(const coda_circuit *circuit, noise noise, readout *r);

#endif
