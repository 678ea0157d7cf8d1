#include "readout.h"

#include "sample.h"

readout readout_begin(const coda_circuit *circuit, double rate, random_stream *stream, work *work) {
    return (readout){.circuit = circuit, .flip = chance_of(rate / 2), .stream = stream, .work = work};
}

static coda_outcome *find(coda_outcome *outcomes, size_t room, uint64_t bits) {
    size_t i = (size_t)((bits * 0x9e3779b97f4a7c15) >> 32) & (room - 1);
    while (outcomes[i].count != 0 && outcomes[i].bits != bits) i = (i + 1) & (room - 1);
    return &outcomes[i];
}

static bool too_many(void) {
    return coda_fail(CODA_UNSUPPORTED,
                     "more outcomes than the memory limit leaves room for: raise limits.memory in the device file");
}

static bool grow(readout *r) {
    size_t room = r->room > 0 ? 2 * r->room : 256;
    coda_outcome *outcomes = coda_alloc(room * sizeof *outcomes);
    if (outcomes == NULL) return too_many();
    for (size_t i = 0; i < room; i++) outcomes[i] = (coda_outcome){0};
    for (size_t i = 0; i < r->room; i++)
        if (r->outcomes[i].count != 0) *find(outcomes, room, r->outcomes[i].bits) = r->outcomes[i];
    r->outcomes = outcomes;
    r->room = room;
    return true;
}

static bool count(readout *r, uint64_t bits, uint64_t shots) {
    if (2 * r->num_outcomes >= r->room && !grow(r)) return false;
    coda_outcome *outcome = find(r->outcomes, r->room, bits);
    if (outcome->count == 0) r->num_outcomes++;
    *outcome = (coda_outcome){bits, outcome->count + shots};
    r->work->shots_done += shots;
    return true;
}

/* Reads from measurement i on; `bits` are those before it. The channel acts on the
 * qubit: what it flips stays so for another measurement of the same qubit, which
 * has noise of its own on top. */
static bool read_from(readout *r, size_t i, uint32_t set, uint64_t bits, uint64_t shots) {
    for (; i < r->circuit->num_measurements; i++) {
        unsigned qubit = r->circuit->measurements[i];
        uint64_t flipped = random_happening(r->stream, r->flip, shots);
        if (!work_goes_on(r->work, 8 + shots / 32)) return false;
        uint64_t bit = set >> qubit & 1;
        if (flipped == shots) {
            set ^= 1u << qubit;
            bit ^= 1;
        } else if (flipped > 0) {
            if (!read_from(r, i + 1, set ^ 1u << qubit, bits | (bit ^ 1) << i, flipped)) return false;
            shots -= flipped;
        }
        bits |= bit << i;
    }
    return count(r, bits, shots);
}

bool readout_read(readout *r, uint32_t set, uint64_t shots) { return read_from(r, 0, set, 0, shots); }

bool readout_draw(readout *r, double *distribution, const int slots[MAX_QUBITS], size_t measured, uint64_t shots) {
    sample drawn;
    if (!sample_draw(distribution, (size_t)1 << __builtin_popcountl(measured), shots, r->stream, &drawn))
        return too_many();
    for (size_t i = 0; i < drawn.num_outcomes; i++)
        if (!readout_read(r, qubits_set(slots, measured, drawn.outcomes[i].bits), drawn.outcomes[i].count)) return false;
    return true;
}

void readout_end(readout *r) {
    size_t n = 0;
    for (size_t i = 0; i < r->room; i++)
        if (r->outcomes[i].count != 0) r->outcomes[n++] = r->outcomes[i];
}
