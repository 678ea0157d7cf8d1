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

/* What was counted, as what came of a job. Nothing can be counted afterwards. */
void tally_report(tally *t, coda_execution *execution);

/* What comes of a job that reads nothing: no bits, in every shot. False, and the job has
 * failed, where there is no memory for it. */
bool tally_no_readouts(const coda_job *job, coda_execution *execution);

#endif
