#include "work.h"

bool work_goes_on(work *w, uint64_t amount) {
    enum { ASK = 1 << 22 };
    w->unasked += amount;
    if (w->unasked < ASK) return true;
    w->unasked = 0;
    coda_progress(w->shots_done);
    if (!coda_cancelled()) return true;
    return coda_fail(CODA_CANCELLED, "cancelled after %llu of %llu shots", (unsigned long long)w->shots_done,
                     (unsigned long long)w->shots);
}
