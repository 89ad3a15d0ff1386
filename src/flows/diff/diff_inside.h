#ifndef WEFT_DIFF_INSIDE_H
#define WEFT_DIFF_INSIDE_H

#include "diff/diff.h"

/* A table that stands in both releases, with the columns that can be compared. */
struct diff_table {
    str from, to; /* quoted names: domain."product#N".table */
    struct str_list keys;
    struct str_list columns; /* the others */
};

/* One row of numbers: rows before, rows after, added, removed, changed, and how often each of `columns` changed. Without keys: rows
 * before, rows after, added, removed. */
str diff_count_sql(struct arena *mem, const struct diff_table *table);
/* Rows of: change, the keys as texts, column, value before, value after. Of `changed` columns; at most `most` of each kind.
 * Without keys the value is the whole row. */
str diff_rows_sql(struct arena *mem, const struct diff_table *table, const struct str_list *changed,
                  bool has_added, bool has_removed, uint64_t most);

#endif
