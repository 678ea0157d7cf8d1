/* A job as the commands of an instrument. */
#ifndef SEQUENCE_H
#define SEQUENCE_H

#include "coda.h"

/* Whether the instrument can run the job, from what its settings say alone. Returns
 * false by way of coda_fail. */
bool sequence_check(const coda_job *job);

/* Sends what stands before a run: the sequence, the shots, the readouts. */
bool sequence_load(const coda_job *job);

#endif
