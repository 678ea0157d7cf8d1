#include "report.h"

bool report_to_log;

bool report_io(const char *doing, const coda_io_error *error) {
    if (!report_to_log) return coda_fail_io(doing, error);
    coda_log(CODA_WARN, "%s: %s", doing, error->message);
    return false;
}
