/* A large table as several files, split by the ranges of a key. Pure.
 *
 * Boundaries are kept from release to release, so that a change in one range leaves the bytes of all other files as they were: a range
 * is split only when it has grown too large, and joined with a neighbour only when it has become too small. A value of a key column that
 * has rows enough for a file of its own gets one: then the facts of that file prove what a filter on the column says of all its rows. */
#ifndef WEFT_PARTS_H
#define WEFT_PARTS_H

#include "job/job.h"
#include "tree/tree.h"

struct part_limits {
    uint64_t rows_most;  /* of a file; a new one is filled to three quarters, so that it can grow */
    uint64_t rows_least; /* smaller ones are joined with a neighbour */
    size_t files_most;   /* of the table: above it both limits are doubled until it holds */
};

/* For a table of so many rows and bytes: as many rows as `rows_most`, or fewer where these take more than `bytes_most`. */
struct part_limits part_limits(uint64_t rows, uint64_t bytes, uint64_t rows_most,
                               uint64_t bytes_most, size_t files_most);

/* Rows between two places at which a file could begin. */
struct part_atom {
    uint64_t rows;
    bool is_cut;   /* a file of the release before began here */
    bool is_value; /* all rows have one value, which has rows enough for a file of its own */
};

/* Which atoms begin a file; gives how many do. The first always does. A file is larger than `rows_most` only where it is one atom. */
size_t parts_choose(const struct part_atom *atoms, size_t len, const struct part_limits *limits,
                    bool *begins_out);

/* What the facts of a file of the release before say of a column of the key. */
struct part_fact {
    bool has_range;
    str low, high;
    bool has_nulls, is_null; /* some, all */
};

/* Rows of one file, in the order of the key. */
struct part {
    uint64_t rows;
    void *inside;
};

struct parts;

/* Rows stand in `source`, with their place in `file_row_number`. `key`: columns whose values have an order, the first decides first;
 * none: the order of the rows. `previous`: for each file of the release before, in order, a fact for each column of the key. Asked as
 * check_facts is:
 *
 *     while (parts_next(parts, &text)) { row = ask(text); parts_take(parts, row) … } */
struct parts *parts_new(struct arena *mem, const struct job_columns *columns,
                        const struct job_columns *key, uint64_t rows,
                        const struct part_limits *limits, const struct part_fact *previous,
                        size_t previous_len);
bool parts_next(struct parts *parts, str *text_out);
/* False when the row has not the shape. */
bool parts_take(struct parts *parts, const struct tree *row);
/* In order; all rows of the table are in exactly one. */
const struct part *parts_list(const struct parts *parts, size_t *len_out);

/* The SELECT of a file's rows, in order. The same rows give the same bytes wherever they stand in the source. */
str parts_file_sql(const struct parts *parts, const struct part *part);
/* All rows in the order of the key. */
str parts_order_sql(const struct parts *parts);
/* One row: how many rows stand before one that comes before them in the order of the key. */
str parts_disorder_sql(const struct parts *parts);

#endif
