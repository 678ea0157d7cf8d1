/* Simulates shots as trajectories of a state vector: each is a run of the circuit
 * with the errors that happened in it. */
#ifndef TRAJECTORIES_H
#define TRAJECTORIES_H

#include "noise.h"
#include "readout.h"

/* Runs the work's shots and reads them. Returns false by way of coda_fail. */
bool trajectories_run(const coda_circuit *circuit, noise noise, readout *r);

#endif
