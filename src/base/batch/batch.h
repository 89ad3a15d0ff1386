/* A column-wise view of rows: type, validity, values. Borrowed, never copied: what every writer reads.
 *
 * The layouts are those that the engine keeps in memory, said in our own words, so that the worker fills a batch with pointers. */
#ifndef WEFT_BATCH_H
#define WEFT_BATCH_H

#include "arena/arena.h"

enum batch_type {
    BATCH_NULL, /* no values at all */
    BATCH_BOOL, /* uint8_t, 0 or 1 */
    BATCH_I8,
    BATCH_I16,
    BATCH_I32,
    BATCH_I64,
    BATCH_U8,
    BATCH_U16,
    BATCH_U32,
    BATCH_U64,
    BATCH_I128, /* struct batch_wide, two's complement */
    BATCH_U128,
    BATCH_F32,
    BATCH_F64,
    BATCH_DECIMAL, /* an integer of `width` bytes (2, 4, 8, 16) with `scale` digits behind the point */
    BATCH_TEXT,    /* struct batch_text from here on, UTF-8 */
    BATCH_JSON,    /* a JSON document; what is none is written as a text */
    BATCH_BLOB,
    BATCH_BIT,    /* first byte: unused bits at the front of the second */
    BATCH_BIGNUM, /* three bytes of sign and length, then the magnitude; all inverted when negative */
    BATCH_DATE,   /* int32_t days since 1970-01-01; its greatest values are infinite */
    BATCH_TIME,   /* int64_t microseconds of the day */
    BATCH_TIME_NS, /* int64_t nanoseconds of the day */
    BATCH_TIME_TZ, /* uint64_t: microseconds << 24 | (57599 - seconds east of UTC) */
    BATCH_TIMESTAMP_S, /* int64_t since 1970, in the unit of the name; the greatest values are infinite */
    BATCH_TIMESTAMP_MS,
    BATCH_TIMESTAMP, /* microseconds */
    BATCH_TIMESTAMP_NS,
    BATCH_TIMESTAMP_TZ, /* microseconds, UTC */
    BATCH_INTERVAL,     /* struct batch_interval */
    BATCH_UUID,         /* struct batch_wide with its highest bit flipped */
    BATCH_ENUM,         /* an unsigned index of `width` bytes (1, 2, 4) into `names` */
    BATCH_LIST,         /* struct batch_span into children[0] */
    BATCH_ARRAY,        /* `size` values of children[0] for each row */
    BATCH_STRUCT,       /* a child for each field, as long as this column */
    BATCH_MAP,          /* struct batch_span into children[0] (keys) and children[1] (values) */
    BATCH_UNION,        /* children[0] is a BATCH_U8 tag; member i is children[i + 1] */
    BATCH_TYPE_COUNT
};

struct batch_wide {
    uint64_t lower;
    uint64_t upper;
};

enum { BATCH_TEXT_INLINE_BYTES = 12 };

/* Up to 12 bytes lie inside; longer ones behind the pointer. */
struct batch_text {
    union {
        struct {
            uint32_t len;
            char bytes[BATCH_TEXT_INLINE_BYTES];
        } inside;
        struct {
            uint32_t len;
            char prefix[4];
            const char *bytes;
        } outside;
    } as;
};

struct batch_interval {
    int32_t months;
    int32_t days;
    int64_t microseconds;
};

struct batch_span {
    uint64_t start;
    uint64_t len;
};

/* A column, or a nested part of one. */
struct batch_vector {
    enum batch_type type;
    uint8_t width;         /* BATCH_DECIMAL, BATCH_ENUM: bytes of a value */
    uint8_t scale;         /* BATCH_DECIMAL */
    uint64_t size;         /* BATCH_ARRAY */
    uint64_t len;          /* values that are there */
    const void *values;    /* NULL for BATCH_NULL, BATCH_STRUCT, BATCH_UNION, BATCH_ARRAY */
    const uint64_t *valid; /* a bit each, set when there is a value; NULL: all are there */
    const str
        *names; /* BATCH_ENUM: its words; BATCH_STRUCT: its fields; BATCH_UNION: its members */
    uint64_t name_count;
    struct batch_vector *children;
    size_t child_count;
};

struct batch {
    const struct batch_vector *columns;
    size_t column_count;
    uint64_t rows;
};

bool batch_is_null(const struct batch_vector *vector, uint64_t row);
/* The bytes of a BATCH_TEXT, BATCH_JSON, BATCH_BLOB, BATCH_BIT or BATCH_BIGNUM value; borrowed. */
str batch_text(const struct batch_vector *vector, uint64_t row);
/* A text of ours in the layout of struct batch_text: for tests and for rows that no engine made. */
struct batch_text batch_text_of(str text);

#endif
