/* What a circuit asks of a simulator. */
#ifndef CIRCUIT_H
#define CIRCUIT_H

#include "coda.h"
#include "matrix.h"

/* The most qubits that a state can hold here: 2 GiB of amplitudes. */
enum { MAX_QUBITS = 27 };

/* Whether the circuit can be run, with at most max_qubits, which are no more than
 * MAX_QUBITS. Returns false by way of coda_fail. */
bool circuit_check(const coda_circuit *circuit, unsigned max_qubits);

/* Whether a gate is one of two qubits. */
bool couples(coda_gate gate);

/* The matrix of a gate of one qubit. */
matrix circuit_gate(coda_operation op);

/* The set of the qubits that are measured. */
uint32_t circuit_measured(const coda_circuit *circuit);

/* How many qubits there are that a state has to hold: those that are coupled, or
 * turned and measured. */
unsigned circuit_width(const coda_circuit *circuit);

#endif
