#include "couplings.h"

#include <string.h>

static coda_edge edges[MOST_EDGES];

static const char *skip(const char *text, char mark) {
    while (*text == ' ') text++;
    return *text == mark ? text + 1 : NULL;
}

static const char *qubit(const char *text, unsigned num_qubits, uint16_t *number) {
    unsigned n = 0;
    while (*text == ' ') text++;
    if (*text < '0' || *text > '9') return NULL;
    for (; *text >= '0' && *text <= '9'; text++) {
        n = 10 * n + (unsigned)(*text - '0');
        if (n >= num_qubits) return NULL;
    }
    *number = (uint16_t)n;
    return text;
}

/* A list of pairs, as the host hands on a list of the device file. */
static bool parse_edges(const char *text, coda_device *device) {
    size_t n = 0;
    if ((text = skip(text, '[')) == NULL) return false;
    if (skip(text, ']') != NULL) return *skip(text, ']') == 0;
    for (;;) {
        if (n == MOST_EDGES) return false;
        coda_edge *edge = &edges[n++];
        if ((text = skip(text, '[')) == NULL || (text = qubit(text, device->num_qubits, &edge->control)) == NULL ||
            (text = skip(text, ',')) == NULL || (text = qubit(text, device->num_qubits, &edge->target)) == NULL ||
            (text = skip(text, ']')) == NULL || edge->control == edge->target)
            return false;
        const char *next = skip(text, ',');
        if (next == NULL) break;
        text = next;
    }
    text = skip(text, ']');
    if (text == NULL || *text != 0) return false;
    device->edges = edges;
    device->num_edges = n;
    return true;
}

bool setting_couplings(coda_device *device) {
    const char *text = coda_config_get("edges");
    if (text != NULL && !parse_edges(text, device))
        return coda_fail(CODA_INTERNAL,
                         "setting edges: \"%s\" is not a list of at most %d pairs of different qubits below %u, "
                         "such as [[0, 1], [1, 2]]",
                         text, (int)MOST_EDGES, (unsigned)device->num_qubits);
    text = coda_config_get("directed");
    if (text == NULL || strcmp(text, "false") == 0) return true;
    device->directed = true;
    return strcmp(text, "true") == 0 ||
           coda_fail(CODA_INTERNAL, "setting directed: \"%s\" is neither true nor false", text);
}
