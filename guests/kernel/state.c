#include "state.h"

#include <string.h>

uint64_t state_bytes(unsigned width) { return (uint64_t)sizeof(complex) << width; }

void state_begin(state *psi, complex *amplitudes) {
    *psi = (state){.amplitudes = amplitudes};
    psi->amplitudes[0] = (complex){1, 0};
}

static size_t dimension(const state *psi) { return (size_t)1 << psi->width; }

void state_copy(state *to, const state *from) {
    to->width = from->width;
    memcpy(to->amplitudes, from->amplitudes, dimension(from) * sizeof(complex));
}

unsigned state_join(state *psi, complex zero, complex one) {
    complex *low = psi->amplitudes, *high = low + dimension(psi);
    for (size_t i = 0; i < dimension(psi); i++) {
        complex old = low[i];
        low[i] = times(zero, old);
        high[i] = times(one, old);
    }
    return psi->width++;
}

/* Moves the bits of k from `bit` on up by one, which leaves a zero there; a bit
 * of 0 leaves k as it is. Counting k up visits every index with that zero. */
static inline size_t skip(size_t k, size_t bit) { return k + (k & -bit); }

void state_apply(state *psi, unsigned slot, matrix gate) {
    complex *amplitudes = psi->amplitudes;
    size_t half = dimension(psi) / 2, bit = (size_t)1 << slot;
    for (size_t k = 0; k < half; k++) {
        size_t i = skip(k, bit);
        complex zero = amplitudes[i], one = amplitudes[i | bit];
        amplitudes[i] = plus(times(gate.at[0][0], zero), times(gate.at[0][1], one));
        amplitudes[i | bit] = plus(times(gate.at[1][0], zero), times(gate.at[1][1], one));
    }
}

void state_phase(state *psi, size_t ones, complex factor) {
    complex *amplitudes = psi->amplitudes;
    size_t low = ones & -ones, high = ones ^ low;
    size_t count = dimension(psi) / (high != 0 ? 4 : 2);
    for (size_t k = 0; k < count; k++) {
        size_t i = skip(skip(k, low), high) | ones;
        amplitudes[i] = times(factor, amplitudes[i]);
    }
}

/* The bits of two slots, and how to skip both: the lower one first. */
typedef struct {
    size_t a, b, low, high;
} bit_pair;

static bit_pair pair(unsigned a, unsigned b) {
    size_t bit_a = (size_t)1 << a, bit_b = (size_t)1 << b;
    return a < b ? (bit_pair){bit_a, bit_b, bit_a, bit_b} : (bit_pair){bit_a, bit_b, bit_b, bit_a};
}

void state_cnot(state *psi, unsigned control, unsigned target) {
    complex *amplitudes = psi->amplitudes;
    bit_pair bits = pair(control, target);
    size_t quarter = dimension(psi) / 4;
    for (size_t k = 0; k < quarter; k++) {
        size_t i = skip(skip(k, bits.low), bits.high) | bits.a;
        complex zero = amplitudes[i];
        amplitudes[i] = amplitudes[i | bits.b];
        amplitudes[i | bits.b] = zero;
    }
}

void state_iswap(state *psi, unsigned a, unsigned b) {
    complex *amplitudes = psi->amplitudes;
    bit_pair bits = pair(a, b);
    size_t quarter = dimension(psi) / 4;
    for (size_t k = 0; k < quarter; k++) {
        size_t i = skip(skip(k, bits.low), bits.high);
        complex x = amplitudes[i | bits.a], y = amplitudes[i | bits.b];
        amplitudes[i | bits.a] = (complex){-y.im, y.re};
        amplitudes[i | bits.b] = (complex){-x.im, x.re};
    }
}

double *state_distribution(state *psi, size_t measured) {
    /* In place, in half the memory: entry i overwrites only amplitudes up to i/2,
     * which were read before. */
    double *p = (double *)(void *)psi->amplitudes;
    size_t size = dimension(psi);
    for (size_t i = 0; i < size; i++) p[i] = p[2 * i] * p[2 * i] + p[2 * i + 1] * p[2 * i + 1];

    /* From the top, so that the slots still to be summed over keep their bits. */
    for (unsigned slot = psi->width; slot-- > 0;) {
        size_t bit = (size_t)1 << slot;
        if ((measured & bit) != 0) continue;
        size /= 2;
        for (size_t k = 0; k < size; k++) {
            size_t i = skip(k, bit);
            p[k] = p[i] + p[i | bit];
        }
    }
    return p;
}
