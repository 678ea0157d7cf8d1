/* Runs a circuit on a state. */
#ifndef CIRCUIT_H
#define CIRCUIT_H

#include "coda.h"
#include "state.h"

enum { MAX_QUBITS = 27 };

/* A slot of a qubit that is not in the state: it is |0>. */
enum { NO_SLOT = -1 };

/* Runs the circuit from |0...0> and says in which slot each qubit ended. A qubit
 * that stays |0>, or that is neither coupled nor measured, gets none. Returns
 * false by way of coda_fail. */
bool circuit_run(const coda_circuit *circuit, state *psi, int slots[MAX_QUBITS]);

#endif
