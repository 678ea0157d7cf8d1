/* What a job has done. */
#ifndef WORK_H
#define WORK_H

#include "coda.h"

typedef struct {
    uint64_t shots, shots_done;
    uint64_t unasked; /* work since the host was asked */
} work;

/* Counts work, in numbers touched. Now and then, after some 20 ms, reports how
 * many shots are done and asks whether to go on: false by way of coda_fail if not. */
bool work_goes_on(work *w, uint64_t amount);

#endif
