/* Where encoded rows go: the one face of a door that the flows know. */
#ifndef WEFT_SINK_H
#define WEFT_SINK_H

#include "task/task.h"

enum row_format {
    ROW_FORMAT_ROWS,   /* NDJSON: {"columns":[{name,type}]}, then one array a row */
    ROW_FORMAT_JSON,   /* one document: {"columns":[…],"rows":[[…],…]} */
    ROW_FORMAT_NDJSON, /* one object a row */
    ROW_FORMAT_CSV,    /* RFC 4180 with a header line; NULL is empty, an empty text is "" */
    ROW_FORMAT_COUNT
};

/* "rows", "json", "ndjson", "csv". */
const char *row_format_name(enum row_format format);
bool row_format_by_name(str name, enum row_format *out);

struct row_column {
    str name;
    str type; /* in the engine's spelling, as `DECIMAL(12,2)` */
};

/* How far the work is. */
struct row_progress {
    const char *step;   /* clear, run, write */
    int thousandths;    /* share done, or -1 for unknown */
    uint64_t files, of; /* done and in all; 0 of 0 where they are not told */
};

/* begin once, bytes any number of times, then end or abort. Each returns false with t->err set when
 * the taker is gone: the giver then stops the work. abort keeps t->err. */
struct row_sink {
    void *state;
    bool (*begin)(struct task *t, void *state, const struct row_column *columns, size_t len);
    bool (*bytes)(struct task *t, void *state, str bytes);
    bool (*end)(struct task *t, void *state, uint64_t rows);
    void (*abort)(struct task *t, void *state);
    /* Optional; false with t->err set ends the work. */
    bool (*progress)(struct task *t, void *state, const struct row_progress *progress);
};

/* A sink that keeps all bytes in `b`; passing its ceiling fails with ERR_LIMIT. */
struct buf;
struct row_sink row_sink_to_buf(struct buf *b);

#endif
