/*
 * xoshiro256** (Blackman and Vigna), seeded by splitmix64: 64 good bits in a
 * nanosecond, a period of 2^256 - 1.
 */
#ifndef RANDOM_H
#define RANDOM_H

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

#endif
