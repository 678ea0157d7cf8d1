#include "tally.h"

#include <string.h>

enum { FIRST_SLOTS = 64 };

/* splitmix64's finish: outcomes differ in few bits, and all of them must count. */
static size_t slot_of(uint64_t bits, size_t num_slots) {
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9;
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB;
    return (size_t)(bits ^ bits >> 31) & (num_slots - 1);
}

static coda_outcome *find(coda_outcome *slots, size_t num_slots, uint64_t bits) {
    size_t at = slot_of(bits, num_slots);
    while (slots[at].count != 0 && slots[at].bits != bits) at = (at + 1) & (num_slots - 1);
    return &slots[at];
}

static bool grow(tally *t) {
    size_t num_slots = t->num_slots == 0 ? FIRST_SLOTS : 2 * t->num_slots;
    if (num_slots > SIZE_MAX / 2 / sizeof(coda_outcome)) return false;
    coda_outcome *slots = coda_alloc(num_slots * sizeof *slots);
    if (slots == NULL) return false;
    memset(slots, 0, num_slots * sizeof *slots);
    for (size_t i = 0; i < t->num_slots; i++)
        if (t->slots[i].count != 0) *find(slots, num_slots, t->slots[i].bits) = t->slots[i];
    t->slots = slots;
    t->num_slots = num_slots;
    return true;
}

bool tally_add(tally *t, uint64_t bits) {
    if (2 * t->used >= t->num_slots && !grow(t)) return false;
    coda_outcome *outcome = find(t->slots, t->num_slots, bits);
    t->used += outcome->count == 0;
    outcome->bits = bits;
    outcome->count++;
    t->shots++;
    return true;
}

void tally_report(tally *t, coda_execution *execution) {
    size_t to = 0;
    for (size_t i = 0; i < t->num_slots; i++)
        if (t->slots[i].count != 0) t->slots[to++] = t->slots[i];
    execution->outcomes = t->slots;
    execution->num_outcomes = t->used;
    execution->shots_completed = t->shots;
}

bool tally_no_readouts(const coda_job *job, coda_execution *execution) {
    coda_outcome *outcome = coda_alloc(sizeof *outcome);
    if (outcome == NULL) return coda_fail(CODA_INTERNAL, "no memory is left for the outcome");
    *outcome = (coda_outcome){.count = job->shots};
    *execution = (coda_execution){.outcomes = outcome, .num_outcomes = 1, .shots_completed = job->shots};
    return true;
}
