/*
 * Complex numbers and 2x2 matrices. C11's own complex types are not used: their
 * product calls a runtime function that looks for infinities.
 */
#ifndef MATRIX_H
#define MATRIX_H

typedef struct {
    double re, im;
} complex;

/* Rows of a one-qubit gate: |0> goes to at[0][0]|0> + at[1][0]|1>. */
typedef struct {
    complex at[2][2];
} matrix;

static const matrix identity = {{{{1, 0}, {0, 0}}, {{0, 0}, {1, 0}}}};

static inline complex plus(complex a, complex b) { return (complex){a.re + b.re, a.im + b.im}; }

static inline complex times(complex a, complex b) {
    return (complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static inline complex conjugate(complex a) { return (complex){a.re, -a.im}; }

static inline matrix product(matrix a, matrix b) {
    matrix c;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            c.at[i][j] = plus(times(a.at[i][0], b.at[0][j]), times(a.at[i][1], b.at[1][j]));
    return c;
}

#endif
