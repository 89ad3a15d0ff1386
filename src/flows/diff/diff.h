/* Two releases of a product, row by row, as one actor sees them. */
#ifndef WEFT_DIFF_H
#define WEFT_DIFF_H

#include "json_out/json_out.h"
#include "services/services.h"

/* In the place of a number: the candidate, which follows all releases. */
#define DIFF_CANDIDATE UINT64_MAX

struct diff {
    struct services *services;
    str product; /* domain.product */
    uint64_t from,
        to;    /* numbers of releases; 0: the current one as `to`, the one before `to` as `from` */
    str table; /* only this one; empty: all that t->actor may read */
    uint64_t rows_max; /* changed values of each kind that are shown; 0: numbers alone */
};

/* One JSON object. Rows are matched by primary key where the actor sees its values as they are, else compared as a whole. Each table
 * is a query of his, with its row in the audit. */
MUST_CHECK bool diff_releases(struct task *t, struct diff *d, struct json_out *o);

#endif
