#include "circuit.h"

#include <math.h>

bool couples(coda_gate gate) {
    return gate == CODA_CZ || gate == CODA_ISWAP || gate == CODA_CP || gate == CODA_CNOT;
}

/* The host has validated the circuit; a slip there must not become a write out
 * of bounds here. */
bool circuit_check(const coda_circuit *circuit, unsigned max_qubits) {
    unsigned n = circuit->num_qubits;
    if (n > max_qubits)
        return coda_fail(CODA_UNSUPPORTED, "%u qubits asked, this simulator holds at most %u", n, max_qubits);
    for (size_t i = 0; i < circuit->num_operations; i++) {
        coda_operation op = circuit->operations[i];
        if (op.gate > CODA_CNOT)
            return coda_fail(CODA_UNSUPPORTED, "gates[%zu]: gate number %u is unknown", i, op.gate);
        if (op.q0 >= n || op.q1 >= n)
            return coda_fail(CODA_UNSUPPORTED, "gates[%zu]: qubit %u is out of range [0, %u)", i,
                             op.q0 >= n ? op.q0 : op.q1, n);
        if (couples(op.gate) && op.q0 == op.q1)
            return coda_fail(CODA_UNSUPPORTED, "gates[%zu]: qubit %u cannot couple to itself", i, op.q0);
        if (!isfinite(op.param))
            return coda_fail(CODA_UNSUPPORTED, "gates[%zu]: the parameter is not a finite number", i);
    }
    if (circuit->num_measurements > 64)
        return coda_fail(CODA_UNSUPPORTED, "%zu measurements asked, an outcome holds at most 64",
                         circuit->num_measurements);
    for (size_t i = 0; i < circuit->num_measurements; i++)
        if (circuit->measurements[i] >= n)
            return coda_fail(CODA_UNSUPPORTED, "measurements[%zu]: qubit %u is out of range [0, %u)", i,
                             circuit->measurements[i], n);
    return true;
}

/* exp(-i angle/2 P) from the cosine and sine of half the angle. */
static matrix x_rotation(double c, double s) { return (matrix){{{{c, 0}, {0, -s}}, {{0, -s}, {c, 0}}}}; }
static matrix y_rotation(double c, double s) { return (matrix){{{{c, 0}, {-s, 0}}, {{s, 0}, {c, 0}}}}; }
static matrix z_rotation(double c, double s) { return (matrix){{{{c, -s}, {0, 0}}, {{0, 0}, {c, s}}}}; }

static const double root_half = 0.70710678118654752440; /* cos and sin of pi/4, made equal: x90 twice is exactly x */

matrix circuit_gate(coda_operation op) {
    double half = op.param / 2;
    switch (op.gate) {
    case CODA_RX: return x_rotation(cos(half), sin(half));
    case CODA_RY: return y_rotation(cos(half), sin(half));
    case CODA_RZ:
    case CODA_VIRTUAL_Z: return z_rotation(cos(half), sin(half));
    case CODA_X90: return x_rotation(root_half, root_half);
    case CODA_Y_MINUS_90: return y_rotation(root_half, -root_half);
    default: return identity; /* id */
    }
}

uint32_t circuit_measured(const coda_circuit *circuit) {
    uint32_t qubits = 0;
    for (size_t i = 0; i < circuit->num_measurements; i++) qubits |= 1u << circuit->measurements[i];
    return qubits;
}

unsigned circuit_width(const coda_circuit *circuit) {
    uint32_t measured = circuit_measured(circuit), coupled = 0, rotated = 0;
    for (size_t i = 0; i < circuit->num_operations; i++) {
        coda_operation op = circuit->operations[i];
        if (couples(op.gate)) coupled |= 1u << op.q0 | 1u << op.q1;
        else rotated |= 1u << op.q0;
    }
    return (unsigned)__builtin_popcount(coupled | (rotated & measured));
}
