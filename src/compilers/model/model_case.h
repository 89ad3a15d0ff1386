/* Unit tests of products: rows in for the tables that a product reads, rows out, at a frozen time. Pure. */
#ifndef WEFT_MODEL_CASE_H
#define WEFT_MODEL_CASE_H

#include "error/report.h"
#include "tree/tree.h"

struct model_product;

/* Rows of one table: `port.table`, `self.table`, or the name of an output table. */
struct model_case_table {
    str schema; /* an input port or `self`; empty: an output */
    str table;
    const struct tree *rows; /* a list of maps */
    struct place place;
};

struct model_case_tables {
    VEC_OF(struct model_case_table)
};

struct model_case {
    str name, file;
    struct place place;
    const struct model_product *product;
    str now; /* a time as 2026-03-01T12:00:00.000000Z; empty: that of the test's run */
    struct model_case_tables given, expect;
    bool is_ordered; /* rows are compared in their order */
};

struct model_cases {
    VEC_OF(struct model_case)
};

/* Reads one document of kind ProductTest into `out`; findings where it is not valid. Names of tables are held against the product
 * when it runs. */
void model_cases_read(struct arena *mem, str file, const struct model_product *product,
                      const struct tree *document, struct report *report, struct model_cases *out);

#endif
