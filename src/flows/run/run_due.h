/* Rules with a schedule, asked of current releases between runs. */
#ifndef WEFT_RUN_DUE_H
#define WEFT_RUN_DUE_H

#include "services/services.h"

/* Asks those of a product that are due, and keeps what they find. */
MUST_CHECK bool run_due(struct task *t, struct services *services, str product);
/* Addresses of the products whose outputs have rules with a schedule: the same as long as the mesh version is. */
void run_scheduled_products(struct arena *mem, const struct image *image, struct str_list *out);
/* Those of them that have some that are due by now; and when the next one of the others will. INT64_MAX: never. */
MUST_CHECK bool run_due_products(struct task *t, struct services *services,
                                 const struct str_list *products, int64_t now_us,
                                 struct str_list *due_out, int64_t *next_us_out);

#endif
