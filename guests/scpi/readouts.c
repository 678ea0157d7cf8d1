#include "readouts.h"

#include "commands.h"
#include "line.h"
#include "report.h"

enum { BUFFER = 32768 };

static bool garbage(const char *what) {
    return report(CODA_INTERNAL, "the answer to %s is no result: %s", commands.read, what);
}

/* Reads #, how many digits follow, and these: the length of a block. */
static bool read_header(uint64_t want) {
    char digits[10];
    uint64_t length = 0;
    if (!line_take(digits, 2)) return false;
    if (digits[0] != '#' || digits[1] < '1' || digits[1] > '9')
        return garbage("it does not begin as a block of definite length");
    size_t count = (size_t)(digits[1] - '0');
    if (!line_take(digits, count)) return false;
    for (size_t i = 0; i < count; i++) {
        if (digits[i] < '0' || digits[i] > '9') return garbage("its length is no number");
        length = 10 * length + (uint64_t)(digits[i] - '0');
    }
    if (length != want)
        return report(CODA_INTERNAL, "the answer to %s is no result: it has %llu bytes, %llu were expected", commands.read,
                      (unsigned long long)length, (unsigned long long)want);
    return true;
}

/* Reads the end of the line that a block stands in. */
static bool read_end(void) {
    char end;
    if (!line_take(&end, 1)) return false;
    if (end == '\r' && !line_take(&end, 1)) return false;
    if (end != '\n') return garbage("something follows it");
    line_end_answer();
    return true;
}

/* A record's readouts. False where it holds what no readout is. */
static bool unpack(const uint8_t *record, size_t size, size_t reads, uint64_t *bits) {
    uint64_t outcome = 0;
    size_t used = block_layout == BYTES ? reads : (reads + 7) / 8;
    for (size_t i = 0; i < used; i++) {
        unsigned byte = record[i];
        size_t here = block_layout == BYTES ? 1 : reads - 8 * i < 8 ? reads - 8 * i : 8;
        if (block_layout == PACKED_MSB) { /* turned round */
            unsigned turned = 0;
            for (unsigned b = 0; b < 8; b++) turned |= (byte >> b & 1) << (7 - b);
            byte = turned;
        }
        if (byte >> here != 0) return false;
        outcome |= (uint64_t)byte << (block_layout == BYTES ? i : 8 * i);
    }
    for (size_t i = used; i < size; i++)
        if (record[i] != 0) return false;
    *bits = outcome;
    return true;
}

/* A bitstring and what parts it from the next. */
static bool parse(const uint8_t *record, size_t reads, bool last, uint64_t *bits) {
    uint64_t outcome = 0;
    for (size_t i = 0; i < reads; i++) {
        if (record[i] != '0' && record[i] != '1') return false;
        outcome |= (uint64_t)(record[i] - '0') << i;
    }
    *bits = outcome;
    return record[reads] == (last ? '\n' : ',');
}

bool readouts_read(const coda_job *job, tally *counts) {
    static uint8_t buffer[BUFFER];
    size_t reads = job->circuit.num_measurements;
    bool text = block_layout == ASCII;
    size_t size = text ? reads + 1 : block_layout == BYTES ? reads : (reads + 7) / 8;
    if (!text) size = (size + block_align - 1) / block_align * block_align;
    if (!line_start_answer(commands.read) || (!text && !read_header(size * job->shots))) return false;
    for (uint64_t left = job->shots; left > 0;) {
        uint64_t here = BUFFER / size < left ? BUFFER / size : left;
        if (!line_take(buffer, (size_t)here * size)) return false;
        for (const uint8_t *record = buffer; here > 0; here--, left--, record += size) {
            uint64_t bits;
            if (!(text ? parse(record, reads, left == 1, &bits) : unpack(record, size, reads, &bits)))
                return report(CODA_INTERNAL, "the answer to %s is no result: shot %llu holds what no readout is",
                              commands.read, (unsigned long long)(job->shots - left));
            if (!tally_add(counts, bits)) return report(CODA_INTERNAL, "no memory is left for the outcomes");
        }
    }
    if (!text) return read_end();
    line_end_answer();
    return true;
}
