/*
 * The noise: depolarizing channels. With rate r on n qubits, each of the 4^n - 1
 * Paulis other than the identity happens with probability r/4^n; in other words,
 * with probability r the qubits forget their state.
 */
#ifndef NOISE_H
#define NOISE_H

#include "matrix.h"

/* The Paulis, as both methods number them. */
enum { I, X, Y, Z };

static const matrix paulis[4] = {
    {{{{1, 0}, {0, 0}}, {{0, 0}, {1, 0}}}},
    {{{{0, 0}, {1, 0}}, {{1, 0}, {0, 0}}}},
    {{{{0, 0}, {0, -1}}, {{0, 1}, {0, 0}}}},
    {{{{1, 0}, {0, 0}}, {{0, 0}, {-1, 0}}}},
};

typedef struct {
    double single_qubit; /* after every gate on one qubit */
    double two_qubit;    /* after every gate on two */
    double measurement;  /* on the qubit, before it is read */
} noise;

#endif
