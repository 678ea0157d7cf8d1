/* What an instrument read, as a block of IEEE 488.2 or as text. */
#ifndef READOUTS_H
#define READOUTS_H

#include "tally.h"

/* Asks for the readouts of a run and counts them. */
bool readouts_read(const coda_job *job, tally *counts);

#endif
