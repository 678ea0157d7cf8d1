/*
 * xoshiro256** (Blackman and Vigna), seeded by splitmix64: 64 good bits in a
 * nanosecond, a period of 2^256 - 1.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t word[4];
} random_stream;

static inline random_stream random_seeded(uint64_t seed) {
    random_stream stream;
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        stream.word[i] = z ^ z >> 31;
    }
    return stream;
}

static inline uint64_t rotated(uint64_t x, int by) { return x << by | x >> (64 - by); }

static inline uint64_t random_bits(random_stream *stream) {
    uint64_t *w = stream->word;
    uint64_t bits = rotated(w[1] * 5, 7) * 9, shifted = w[1] << 17;
    w[2] ^= w[0];
    w[3] ^= w[1];
    w[1] ^= w[2];
    w[0] ^= w[3];
    w[2] ^= shifted;
    w[3] = rotated(w[3], 45);
    return bits;
}

/* How many of n coins show heads: the ones among n random bits. */
static inline uint64_t random_half(random_stream *stream, uint64_t n) {
    uint64_t ones = 0;
    for (; n >= 64; n -= 64) ones += (uint64_t)__builtin_popcountll(random_bits(stream));
    uint64_t mask = ((uint64_t)1 << n) - 1;
    return ones + (uint64_t)__builtin_popcountll(random_bits(stream) & mask);
}

/* A uniform number below n, which is small: no number is favoured by more than
 * n/2^32. */
static inline uint32_t random_below(random_stream *stream, uint32_t n) {
    return (uint32_t)((random_bits(stream) >> 32) * n >> 32);
}

/* A probability below 1: the share of 64 random bits that lie below it. */
typedef uint64_t chance;

static inline chance chance_of(double probability) { return (chance)(probability * 0x1p64); }

static inline bool random_happens(random_stream *stream, chance p) { return p != 0 && random_bits(stream) < p; }

/* How many of n events of that probability happen: n numbers are compared with
 * it, one bit of all of them at a time. A number that differs there is decided. */
static inline uint64_t random_happening(random_stream *stream, chance p, uint64_t n) {
    uint64_t happen = 0;
    for (; p != 0 && n > 0; p <<= 1) {
        uint64_t ones = random_half(stream, n);
        if (p >> 63 != 0) {
            happen += n - ones;
            n = ones;
        } else {
            n -= ones;
        }
    }
    return happen;
}

#endif
