#include "settings.h"

#include <string.h>

/* WASI: fills the buffer from the host's randomness; 0 on success. */
__attribute__((import_module("wasi_snapshot_preview1"), import_name("random_get")))
uint32_t random_get(void *buffer, size_t length);

/* How many characters lie between two names: put in, left out or changed. */
static size_t distance(const char *a, const char *b) {
    enum { LONGEST = 64 };
    size_t row[LONGEST + 1];
    size_t length = strlen(b);
    if (length > LONGEST) return SIZE_MAX;
    for (size_t j = 0; j <= length; j++) row[j] = j;
    for (; *a != 0; a++) {
        size_t corner = row[0]++;
        for (size_t j = 1; j <= length; j++) {
            size_t least = corner + (*a != b[j - 1]);
            if (row[j] + 1 < least) least = row[j] + 1;
            if (row[j - 1] + 1 < least) least = row[j - 1] + 1;
            corner = row[j];
            row[j] = least;
        }
    }
    return row[length];
}

static bool fail_unknown(const char *key, const char *const *names, size_t num_names) {
    enum { FAR = 3 }; /* no slip any more */
    const char *nearest = NULL;
    size_t least = FAR, used = 0;
    char list[1024]; /* more than a message has */
    for (size_t i = 0; i < num_names; i++) {
        size_t d = distance(key, names[i]), length = strlen(names[i]);
        if (d < least) least = d, nearest = names[i];
        if (used + length + sizeof ", " > sizeof list) break;
        if (used > 0) memcpy(list + used, ", ", 2), used += 2;
        memcpy(list + used, names[i], length);
        used += length;
    }
    list[used] = 0;
    if (nearest == NULL) return coda_fail(CODA_INTERNAL, "setting %s: there is none of this name, only %s", key, list);
    return coda_fail(CODA_INTERNAL, "setting %s: there is none of this name; did you mean %s? All are: %s", key, nearest,
                     list);
}

bool settings_known(const char *const *names, size_t num_names) {
    size_t num_keys;
    const char *const *keys = coda_config_keys(&num_keys);
    for (size_t i = 0; i < num_keys; i++) {
        bool known = strcmp(keys[i], "seed") == 0;
        for (size_t j = 0; j < num_names && !known; j++) known = strcmp(keys[i], names[j]) == 0;
        if (!known) return fail_unknown(keys[i], names, num_names);
    }
    return true;
}

static bool parse_number(const char *text, uint64_t *number) {
    uint64_t n = 0;
    if (*text == 0) return false;
    for (; *text != 0; text++) {
        if (*text < '0' || *text > '9') return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (n > (UINT64_MAX - digit) / 10) return false;
        n = 10 * n + digit;
    }
    *number = n;
    return true;
}

bool setting_number(const char *key, uint64_t least, uint64_t most, uint64_t *number) {
    const char *text = coda_config_get(key);
    uint64_t n;
    if (text == NULL) return true;
    if (!parse_number(text, &n) || n < least || n > most)
        return coda_fail(CODA_INTERNAL, "setting %s: \"%s\" is not a decimal number from %llu to %llu", key, text,
                         (unsigned long long)least, (unsigned long long)most);
    *number = n;
    return true;
}

/* Digits, with a point among them or not, and an exponent or not; before a zero also
 * a minus, as TOML has it. What is read of a number within 0 to 1 is right to the last
 * bit or two. */
static bool parse_rate(const char *text, double *rate) {
    double value = 0;
    int scale = 0;
    bool digits = false, point = false, below = *text == '-';
    text += below;
    for (; (*text >= '0' && *text <= '9') || (*text == '.' && !point); text++) {
        if (*text == '.') {
            point = true;
            continue;
        }
        value = 10 * value + (*text - '0');
        scale -= point;
        digits = true;
    }
    if (!digits) return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        bool negative = *text == '-';
        if (*text == '-' || *text == '+') text++;
        uint64_t exponent;
        if (!parse_number(text, &exponent) || exponent > 400) return false;
        scale += negative ? -(int)exponent : (int)exponent;
    } else if (*text != 0) {
        return false;
    }
    for (; scale < 0 && value != 0; scale++) value /= 10;
    for (; scale > 0 && value != 0 && value <= 1; scale--) value *= 10;
    *rate = value;
    return below ? value == 0 : value <= 1;
}

bool setting_rate(const char *key, double *rate) {
    const char *text = coda_config_get(key);
    if (text == NULL || parse_rate(text, rate)) return true;
    return coda_fail(CODA_INTERNAL, "setting %s: \"%s\" is not a number from 0 to 1", key, text);
}

static const char *const names[] = {"cz", "iswap", "pcz", "cnot"};

const char *target_name(coda_target target) { return target < 4 ? names[target] : "unknown"; }

bool setting_target(coda_target *target) {
    const char *text = coda_config_get("target");
    if (text == NULL) return true;
    for (coda_target i = 0; i < 4; i++) {
        if (strcmp(text, names[i]) == 0) {
            *target = i;
            return true;
        }
    }
    return coda_fail(CODA_INTERNAL, "setting target: \"%s\" is not one of cz, iswap, pcz, cnot", text);
}

static bool seeded;
static uint64_t seed;

bool setting_seed(void) {
    seeded = coda_config_get("seed") != NULL;
    return setting_number("seed", 0, UINT64_MAX, &seed);
}

bool seeded_stream(random_stream *stream) {
    uint64_t start = seed;
    if (!seeded && random_get(&start, sizeof start) != 0)
        return coda_fail(CODA_INTERNAL, "the host gave no random numbers to seed the simulator with");
    *stream = random_seeded(start);
    return true;
}
