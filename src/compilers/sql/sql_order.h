/* The order in which a product's SELECTs can run. Pure. */
#ifndef WEFT_SQL_ORDER_H
#define WEFT_SQL_ORDER_H

#include "sql/sql.h"

struct sql_unit {
    str name;         /* of the table that it makes */
    bool is_internal; /* read by others as self.NAME */
    const struct sql_tree *tree;
};

/* Indices into `units`: internal ones first, each after those that it reads, then the outputs. Fails when internal tables read each
 * other in a circle, and says which. */
MUST_CHECK bool sql_order(struct task *t, const struct sql_unit *units, size_t len,
                          size_t *order_out);

#endif
