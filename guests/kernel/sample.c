/*
 * Exact sampling. Every shot is a uniform number of 64 bits, and an outcome owns
 * the numbers between two edges. The shots are not drawn one by one but sorted
 * as they are made: of n uniform numbers in an interval, those in its left half
 * are Binomial(n, 1/2) many, which is the number of ones among n random bits. So
 * an interval's shots are split in halves until one outcome owns the interval or
 * one shot is left. That visits the outcomes in order, needs no memory per shot,
 * and a thousand million shots take about a second.
 */
#include "sample.h"

typedef struct {
    const uint64_t *edges; /* outcome c owns edges[c-1] <= u < edges[c]; the last one all the rest */
    random_stream *stream;
    sample *drawn;
    size_t room; /* in outcomes */
} drawing;

/* The owner of u, known to lie in [first, last]. */
static size_t owner(const drawing *d, uint64_t u, size_t first, size_t last) {
    while (first < last) {
        size_t middle = first + (last - first) / 2;
        if (d->edges[middle] > u) last = middle;
        else first = middle + 1;
    }
    return first;
}

static bool count(drawing *d, size_t index, uint64_t shots) {
    sample *drawn = d->drawn;
    size_t n = drawn->num_outcomes;
    if (n > 0 && drawn->outcomes[n - 1].bits == index) {
        drawn->outcomes[n - 1].count += shots;
        return true;
    }
    if (n == d->room) {
        size_t room = n > 0 ? 2 * n : 256;
        coda_outcome *outcomes = coda_alloc(room * sizeof *outcomes);
        if (outcomes == NULL) return false;
        for (size_t i = 0; i < n; i++) outcomes[i] = drawn->outcomes[i];
        drawn->outcomes = outcomes;
        d->room = room;
    }
    drawn->outcomes[drawn->num_outcomes++] = (coda_outcome){index, shots};
    return true;
}

/* Places `shots` uniform numbers in [from, from + 2^bits), whose first number the
 * outcome `first` owns and whose last one `last`. */
static bool place(drawing *d, uint64_t shots, uint64_t from, unsigned bits, size_t first, size_t last) {
    while (shots > 0) {
        if (first == last) return count(d, first, shots);
        if (shots == 1) {
            uint64_t u = from + (random_bits(d->stream) >> (64 - bits));
            return count(d, owner(d, u, first, last), 1);
        }
        uint64_t middle = from + ((uint64_t)1 << --bits);
        uint64_t left = random_half(d->stream, shots);
        size_t left_last = owner(d, middle - 1, first, last);
        if (!place(d, left, from, bits, first, left_last)) return false;
        shots -= left;
        from = middle;
        first = owner(d, middle, left_last, last);
    }
    return true;
}

bool sample_draw(double *weights, size_t num_weights, uint64_t shots, random_stream *stream, sample *drawn) {
    double total = 0;
    size_t last = 0; /* the last one with any weight: what rounding leaves at the end is its own */
    for (size_t i = 0; i < num_weights; i++) {
        double sum = total + weights[i];
        if (sum > total) last = i;
        weights[i] = total = sum;
    }
    /* The edges take the place of the sums. */
    uint64_t *edges = (uint64_t *)(void *)weights;
    double scale = 0x1p64 / total;
    for (size_t i = 0; i <= last; i++) {
        double edge = weights[i] * scale;
        edges[i] = edge < 0x1p64 ? (uint64_t)edge : UINT64_MAX;
    }
    *drawn = (sample){0};
    drawing d = {.edges = edges, .stream = stream, .drawn = drawn};
    return place(&d, shots, 0, 64, owner(&d, 0, 0, last), last);
}
