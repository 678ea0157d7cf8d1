/* Counts outcomes as shots come in, however many there turn out to be. */
#ifndef TALLY_H
#define TALLY_H

#include "coda.h"

/* All zeros: nothing was counted. */
typedef struct {
    coda_outcome *slots; /* from coda_alloc; a count of 0: free */
    size_t num_slots;    /* a power of two, or 0 */
    size_t used;
    uint64_t shots;
} tally;

/* Counts one shot. False where the memory limit leaves no room for the outcome. */
bool tally_add(tally *t, uint64_t bits);

/* The outcomes, moved together: t->used of them. Nothing can be counted afterwards. */
const coda_outcome *tally_outcomes(tally *t);

#endif
