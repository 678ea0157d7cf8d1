/* A circuit under way on a state. */
#ifndef RUN_H
#define RUN_H

#include "circuit.h"
#include "state.h"

/* The slot of a qubit that is not in the state: it is |0>. */
enum { NO_SLOT = -1 };

typedef struct {
    state psi;
    int slots[MAX_QUBITS];
    matrix pending[MAX_QUBITS]; /* what one-qubit gates still have to do */
} run;

/* Starts `count` runs of a circuit at |0...0>. Where the memory limit does not
 * allow it, returns false by way of coda_fail. The states of one call are in use
 * until the next one. */
bool run_begin(run *runs, unsigned count, const coda_circuit *circuit);

/* Makes `to` what `from` is. Both are of one call of run_begin. */
void run_copy(run *to, const run *from);

/* Applies the next operation. */
void run_apply(run *r, coda_operation op);

/* Applies a matrix to one qubit. */
void run_turn(run *r, unsigned qubit, matrix m);

/* Brings the state to what the measurements see. A qubit that stays |0>, or that
 * is neither coupled nor measured, has no slot. */
void run_end(run *r, const coda_circuit *circuit);

/* The slots of the measured qubits. */
size_t measured_slots(const coda_circuit *circuit, const int slots[MAX_QUBITS]);

/* The set of the qubits that are 1, from an index into the distribution of the
 * slots in `measured`: its bit j belongs to the j-th lowest of them. */
uint32_t qubits_set(const int slots[MAX_QUBITS], size_t measured, uint64_t index);

#endif
