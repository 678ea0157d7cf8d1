/*
 * Shots share what they have in common. All of them follow one state, without
 * errors, through the circuit. After each gate it is drawn how many of them have
 * an error there; those leave, with a copy of the state, grouped by the error, and
 * in the same way share the copy's way up to their second errors, and so on while
 * there are states to copy to. A single shot needs no copy: its errors happen to
 * the state it is on.
 */
#include "trajectories.h"

#include "run.h"
#include "sample.h"

enum { DEPTH = 4 }; /* states at once */

typedef struct {
    const coda_circuit *circuit;
    chance errs[2]; /* after a gate on one qubit, on two */
    readout *readout;
    run runs[DEPTH];
} trajectories;

static bool goes_on(const trajectories *t, const run *r) {
    enum { OVERHEAD = 16 }; /* what a gate costs beside the state */
    return work_goes_on(t->readout->work, OVERHEAD + ((uint64_t)1 << r->psi.width));
}

/* The error that is number `error` of those that can follow an operation: 1 to 3
 * on one qubit, 1 to 15 on two. */
static void happen(run *r, coda_operation op, unsigned error) {
    if (error % 4 != 0) run_turn(r, op.q0, paulis[error % 4]);
    if (error / 4 != 0) run_turn(r, op.q1, paulis[error / 4]);
}

static unsigned errors_after(coda_operation op) { return couples(op.gate) ? 15 : 3; }

/* The one basis state that is read where a single shot is left. */
static size_t draw_one(const state *psi, random_stream *stream) {
    double left = (double)(random_bits(stream) >> 11) * 0x1p-53;
    size_t last = 0;
    for (size_t i = 0; i < (size_t)1 << psi->width; i++) {
        complex a = psi->amplitudes[i];
        double p = a.re * a.re + a.im * a.im;
        if (p == 0) continue;
        last = i;
        if (left < p) break;
        left -= p;
    }
    return last; /* what rounding leaves at the end is the last one's */
}

static bool finish(trajectories *t, run *r, uint64_t shots) {
    const coda_circuit *circuit = t->circuit;
    run_end(r, circuit);
    if (!goes_on(t, r)) return false;
    if (shots == 1) {
        size_t all = ((size_t)1 << r->psi.width) - 1;
        return readout_read(t->readout, qubits_set(r->slots, all, draw_one(&r->psi, t->readout->stream)), 1);
    }
    size_t measured = measured_slots(circuit, r->slots);
    double *distribution = state_distribution(&r->psi, measured);
    return readout_draw(t->readout, distribution, r->slots, measured, shots);
}

static bool follow(trajectories *t, unsigned depth, size_t i, uint64_t shots);

/* Sends `shots` shots, which have an error after operation i, on their ways. */
static bool leave(trajectories *t, unsigned depth, size_t i, uint64_t shots) {
    coda_operation op = t->circuit->operations[i];
    for (unsigned kinds = errors_after(op), error = kinds; shots > 0; error--) {
        uint64_t same = error > 1 ? random_happening(t->readout->stream, chance_of(1.0 / error), shots) : shots;
        shots -= same;
        /* On the last state shots go one by one. */
        uint64_t together = depth + 2 < DEPTH ? same : 1;
        for (; same > 0; same -= together) {
            run_copy(&t->runs[depth + 1], &t->runs[depth]);
            happen(&t->runs[depth + 1], op, error);
            if (!follow(t, depth + 1, i + 1, together)) return false;
        }
    }
    return true;
}

/* Takes `shots` shots from operation i on to their readout, on the state of that
 * depth. */
static bool follow(trajectories *t, unsigned depth, size_t i, uint64_t shots) {
    run *r = &t->runs[depth];
    for (; i < t->circuit->num_operations; i++) {
        coda_operation op = t->circuit->operations[i];
        run_apply(r, op);
        if (!goes_on(t, r) || !work_goes_on(t->readout->work, shots / 32)) return false;
        chance errs = t->errs[couples(op.gate)];
        if (shots > 1) {
            uint64_t erring = random_happening(t->readout->stream, errs, shots);
            if (erring > 0 && !leave(t, depth, i, erring)) return false;
            shots -= erring;
            if (shots == 0) return true;
        } else if (random_happens(t->readout->stream, errs)) {
            happen(r, op, 1 + random_below(t->readout->stream, errors_after(op)));
        }
    }
    return finish(t, r, shots);
}

bool trajectories_run(const coda_circuit *circuit, noise noise, readout *r) {
    trajectories t = {
        .circuit = circuit,
        .errs = {chance_of(noise.single_qubit * 3 / 4), chance_of(noise.two_qubit * 15 / 16)},
        .readout = r,
    };
    return run_begin(t.runs, DEPTH, circuit) && follow(&t, 0, 0, r->work->shots);
}
