/* Memory for what is large. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* The one region of at least `bytes`, at most 2^31, for the job in hand: the next
 * call hands it out again. NULL where the memory limit does not allow it. */
void *memory_region(uint64_t bytes);

#endif
