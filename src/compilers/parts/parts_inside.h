/* For the files of compilers/parts only. */
#ifndef WEFT_PARTS_INSIDE_H
#define WEFT_PARTS_INSIDE_H

#include "buf/buf.h"
#include "parts/parts.h"

/* A value of a column of the key. */
struct part_value {
    str text;
    bool is_null;
};

/* Where a range of one column begins or ends. Nulls come last. */
enum part_cut_kind { CUT_NONE, CUT_BEFORE, CUT_AFTER, CUT_NULLS };

struct part_cut {
    enum part_cut_kind kind;
    str text; /* BEFORE, AFTER: all rows of this value */
};

/* Rows that agree in the first `depth` columns of the key, and of these the ones between two cuts of the next column, or, where there is
 * no next one, between two places in the source. */
struct part_range {
    uint64_t rows;
    bool is_open; /* too large perhaps, and not yet looked into */
    size_t depth;
    const struct part_value *fixed;
    struct part_cut low, high;
    bool has_nulls; /* of the column that the cuts speak of */
    bool is_placed;
    uint64_t first_place, end_place; /* the end is not of it; UINT64_MAX: none */
};

struct parts {
    struct arena *mem;
    const struct job_columns *columns, *key;
    uint64_t rows;
    struct part_limits limits;
    const struct part_fact *previous;
    size_t previous_len;
    struct {
        VEC_OF(struct part_range)
    } ranges; /* in order */
    struct {
        VEC_OF(struct part)
    } list;
    size_t asked; /* range */
    bool is_asked;
};

/* Values of the column after the fixed ones where a file could begin, and how many rows lie there:
 * rows, rows with a value, values as texts, rows up to each (and beyond the last), rows of each. */
str parts_look_sql(const struct parts *parts, const struct part_range *range,
                   const struct str_list *hints);
/* Places in the source at which pieces of rows that agree in the whole key begin, but the first. */
str parts_places_sql(const struct parts *parts, const struct part_range *range);

#endif
