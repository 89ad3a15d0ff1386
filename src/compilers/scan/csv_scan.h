/* Lines of CSV whose values are spelled in the one plain way of their types, read in one go. Pure: the caller reads the bytes.
 *
 * What is spelled in any other way, or stands in a line of another shape, is odd: of it nothing is said, and the engine's own reader, which
 * knows all spellings, decides. What is not odd has the value that the engine would read:
 *
 * - whole numbers of up to 19 digits, and decimals of no more places than their type, in its bounds;
 * - numbers of DOUBLE, rounded as the engine does, to the nearest;
 * - `YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS` with up to six digits of a second, `true` and `false`;
 * - text in UTF-8 without NUL; what stands in quotes is whole; nothing at all without quotes is null. */
#ifndef WEFT_CSV_SCAN_H
#define WEFT_CSV_SCAN_H

#include "str/str.h"

enum csv_kind {
    CSV_TEXT,
    CSV_WHOLE,
    CSV_DECIMAL,
    CSV_DOUBLE,
    CSV_DATE,      /* days since 1970 */
    CSV_TIMESTAMP, /* microseconds since 1970 */
    CSV_BOOLEAN,
};

struct csv_type {
    enum csv_kind kind;
    uint64_t low,
        high; /* CSV_WHOLE: how far below and above zero; CSV_DECIMAL: above, in its units */
    unsigned scale;
};

struct csv_value {
    bool is_null;
    union {
        str text;       /* in the caller's bytes */
        int64_t number; /* of UBIGINT: its bits */
        double real;
    };
};

struct csv_lines {
    const struct csv_type *types;
    size_t len;
    char delimiter;
    bool is_crlf;    /* how all lines end */
    bool stops[256]; /* made by csv_lines_begin */
};

/* By the engine's spelling; false for types that are not read here. */
bool csv_type_read(str type, struct csv_type *out);
/* False for a delimiter that is not one byte, or means something else. */
bool csv_lines_begin(struct csv_lines *lines, str delimiter);
/* How many bytes are whole lines; 0 where not one is. `is_crlf_out` tells how the first one ends. */
size_t csv_lines_whole(str bytes, bool *is_crlf_out);
/* The line at `*at`, which then stands behind it. The last byte before `end` is a newline. Fields with doubled quotes are changed where they
 * stand. False: it is odd. */
bool csv_lines_read(const struct csv_lines *lines, char **at, const char *end,
                    struct csv_value *values);

#endif
