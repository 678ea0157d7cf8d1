/* How a driver says what went wrong. Once a job has failed, what else fails while the
 * instrument is brought to rest goes to the log, and the job keeps its own reason. */
#ifndef REPORT_H
#define REPORT_H

#include "coda.h"

/* Whether what goes wrong is only told to the operator. */
extern bool report_to_log;

/* As coda_fail, or into the log. False. */
#define report(kind, ...) (report_to_log ? (coda_log(CODA_WARN, __VA_ARGS__), false) : coda_fail(kind, __VA_ARGS__))

/* As coda_fail_io, or into the log. False. */
bool report_io(const char *doing, const coda_io_error *error);

#endif
