#include "memory.h"

#include <stdbool.h>

enum { PAGE = 65536 };

/* The region comes straight from memory.grow: 2 GiB are more than malloc hands
 * out in one piece. It is kept for the next job, and extended in place while it
 * ends the memory. Offsets into it stay below 2^31, the most that C allows
 * between two pointers here. */
void *memory_region(uint64_t bytes) {
    static unsigned char *region;
    static size_t pages;
    size_t needed = (size_t)((bytes + PAGE - 1) / PAGE);
    if (needed > pages) {
        size_t end = __builtin_wasm_memory_size(0);
        bool extends = pages > 0 && (size_t)region / PAGE + pages == end;
        size_t more = extends ? needed - pages : needed;
        if (__builtin_wasm_memory_grow(0, more) == SIZE_MAX) return NULL;
        if (!extends) region = (unsigned char *)(end * PAGE);
        pages = needed;
    }
    return region;
}
