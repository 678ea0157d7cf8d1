/*
 * The state vector: 2^width amplitudes, where bit s of an index is the value of
 * the qubit in slot s. It starts without qubits; they join one by one, so the
 * gates before a qubit's first use do not pay for it.
 */
#ifndef STATE_H
#define STATE_H

#include <stddef.h>
#include <stdint.h>

#include "matrix.h"

typedef struct {
    complex *amplitudes;
    unsigned width;
} state;

/* Bytes that a state of this many qubits takes. */
uint64_t state_bytes(unsigned width);

/* Starts a state without qubits in the memory given, which has room for as many
 * qubits as shall join. */
void state_begin(state *psi, complex *amplitudes);

/* Makes `to`, which has room for it, what `from` is. */
void state_copy(state *to, const state *from);

/* Adds a qubit in the state zero|0> + one|1> and returns its slot. */
unsigned state_join(state *psi, complex zero, complex one);

/* Applies a one-qubit gate to the qubit in `slot`. */
void state_apply(state *psi, unsigned slot, matrix gate);

/* Multiplies by `factor` where every bit of `ones` is set: one bit or two. */
void state_phase(state *psi, size_t ones, complex factor);

void state_cnot(state *psi, unsigned control, unsigned target);

void state_iswap(state *psi, unsigned a, unsigned b);

/* Turns the state into the distribution of the slots in `measured` and returns
 * its 2^(number of them) probabilities; bit j of an index belongs to the j-th
 * lowest slot. The amplitudes are gone afterwards. */
double *state_distribution(state *psi, size_t measured);

#endif
