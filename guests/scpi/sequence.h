/* A job as the commands of an instrument. */
#ifndef SEQUENCE_H
#define SEQUENCE_H

#include "coda.h"

/* Whether the instrument can run the job, from what its settings say alone. Returns
 * false by way of coda_fail. */
bool sequence_check(const coda_job *job);

/* Sends the shots, the gates and the readouts, a few at a time: the instrument has to
 * answer for these before the next. So little is under way when a connection breaks,
 * and a slow instrument has the time of an answer for each. */
bool sequence_load(const coda_job *job);

/* Asks the instrument whether its sequence is the one that was loaded. What an earlier
 * connection had under way may have reached it late: gates make it longer, and another
 * job's begin has another tag. Then it is false by way of coda_fail, and *mixed is set. */
bool sequence_proof(const coda_job *job, bool *mixed);

#endif
