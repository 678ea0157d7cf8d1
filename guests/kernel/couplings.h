/* The settings that say how a device's qubits are coupled. */
#ifndef COUPLINGS_H
#define COUPLINGS_H

#include "coda.h"

enum { MOST_EDGES = 4096 };

/* Reads `edges`, [[0, 1], [1, 2]], control first, and `directed`, into the device,
 * whose num_qubits is set; none where they are missing. Returns false by way of
 * coda_fail, which names the setting. */
bool setting_couplings(coda_device *device);

#endif
