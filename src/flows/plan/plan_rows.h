/* Given and expected rows of tests: to the engine, back, and side by side. For the files of plan. */
#ifndef WEFT_PLAN_ROWS_H
#define WEFT_PLAN_ROWS_H

#include "engine/engine.h"
#include "tree/tree.h"

enum { PLAN_DIFFERENCES_TOLD = 20, PLAN_ROWS_SQL_BYTES_MAX = 4 << 20 };

struct plan_difference {
    str row, column, expected, got;
};

struct plan_differences {
    VEC_OF(struct plan_difference)
};

/* `row` counts from 1; 0: none. */
void plan_differ(struct arena *mem, struct plan_differences *differences, size_t row, str column,
                 str expected, str got);
/* With a head; the first PLAN_DIFFERENCES_TOLD. */
str plan_difference_table(struct arena *mem, const struct plan_differences *differences);

/* What is compared: the columns, and cells as they are; behind them, in an expected row, its number. */
struct plan_sides {
    struct job_columns compared;
    struct engine_rows expected, got;
    struct plan_differences differences;
};

/* Row by row where they have an order. Else equal rows go first, then those of one primary key, as far as there is a definition, then
 * what is left. */
struct contract_table;
void plan_compare_sides(struct arena *mem, struct plan_sides *sides, bool is_ordered,
                        const struct contract_table *definition);

/* A value as the engine takes it: nested ones as JSON; empty for a null. */
str plan_value_text(struct arena *mem, const struct tree *node);
/* The same for people: `NULL`, and in quotes what would not be one word of a line. */
str plan_cell_text(struct arena *mem, const struct tree *row, size_t at);
/* The next cell of an inline view. Null where there is none, or the caller says so. */
void plan_put_value(struct arena *mem, struct job_view *view, const struct tree *node,
                    bool is_null);
void plan_put_number(struct arena *mem, struct job_view *view, size_t number);
/* A column of an inline view, and its values as those of the type to the select list. Rows come as texts, so that what does not fit
 * its column is an error that tells the value, and no number is rounded. `rows` are those that are put into it, or NULL. */
void plan_add_text_column(struct arena *mem, struct job_view *view, struct buf *sql, str name,
                          str type, const struct tree *rows);

#endif
