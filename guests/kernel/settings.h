/* The settings that executors have in common. Each function returns false by way
 * of coda_fail, which names the setting and its value. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "coda.h"
#include "random.h"

/* Whether all settings have names that are known; `seed`, which is anybody's to set,
 * always is. A slip in a name must not leave a default in its place. */
bool settings_known(const char *const *names, size_t num_names);

/* Reads a whole number; *number keeps its value where the setting is missing. */
bool setting_number(const char *key, uint64_t least, uint64_t most, uint64_t *number);

/* Reads a share from 0 to 1, such as "0.01" or "1e-05"; *rate keeps its value where
 * the setting is missing. */
bool setting_rate(const char *key, double *rate);

/* Reads `target`; *target keeps its value where it is missing. */
bool setting_target(coda_target *target);

const char *target_name(coda_target target);

/* Reads `seed`, which may be missing. */
bool setting_seed(void);

/* The random numbers of one job. They start anew with every job, so that a job's
 * counts do not depend on those that ran before it: from the seed, or from the
 * host's randomness where there is none. */
bool seeded_stream(random_stream *stream);

#endif
