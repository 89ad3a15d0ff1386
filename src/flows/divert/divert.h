/* Quarantined rows as their owners deal with them: what there is, and dropping it. Reading them is a query, bringing them back a run. */
#ifndef WEFT_DIVERT_H
#define WEFT_DIVERT_H

#include "json_out/json_out.h"
#include "quarantine/quarantine.h"
#include "services/services.h"

/* `{"quarantine": [{product, table, run, …, rules}]}`, of one product or (empty) of all that t->actor may discover. */
MUST_CHECK bool divert_list(struct task *t, struct services *s, str product, struct json_out *o);

struct divert_drop {
    /* What was asked. */
    struct services *services;
    str product;       /* domain.product */
    str table, run_id; /* empty: all */
    str reason;        /* kept in the audit; may be empty */

    /* What the steps make. */
    const struct image_product *target;
    struct quarantine_which which;
    uint64_t rows;
};

/* For owners of the domain: ERR_DENIED for others, ERR_NOT_FOUND where there are none. */
MUST_CHECK bool divert_drop(struct task *t, struct divert_drop *d);
/* Of a product, by the name that a table has in it; which of its rows are meant. */
MUST_CHECK bool divert_which(struct task *t, struct services *s,
                             const struct image_product *product, str table, str run_id,
                             struct quarantine_which *out);

#endif
