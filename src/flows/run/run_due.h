/* Rules with a schedule, asked of current releases between runs. */
#ifndef WEFT_RUN_DUE_H
#define WEFT_RUN_DUE_H

#include "services/services.h"

/* Asks those of a product that are due, and keeps what they find. */
MUST_CHECK bool run_due(struct task *t, struct services *services, str product);
/* Products that have some by now; and when the next one of the others will. INT64_MAX: never. */
MUST_CHECK bool run_due_products(struct task *t, struct services *services, int64_t now_us,
                                 struct str_list *due_out, int64_t *next_us_out);

#endif
