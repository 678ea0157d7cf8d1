/* Draws shots from a distribution. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include "coda.h"
#include "random.h"

typedef struct {
    coda_outcome *outcomes; /* from coda_alloc; bits is the index into the distribution */
    size_t num_outcomes;    /* in ascending order of bits, each once */
} sample;

/* Draws `shots` independent indices, each with its share of the sum of weights.
 * Overwrites the weights. False where the memory limit leaves no room for the
 * outcomes. */
bool sample_draw(double *weights, size_t num_weights, uint64_t shots, random_stream *stream, sample *drawn);

#endif
