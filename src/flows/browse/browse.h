/* What is there, for pages and lists: the catalog as JSON, as far as the actor may discover it. */
#ifndef WEFT_BROWSE_H
#define WEFT_BROWSE_H

#include "job_row/job_row.h"
#include "json_out/json_out.h"
#include "services/services.h"

/* Each writes one JSON object. Numbers about rows are null unless the actor is clear on the table. */
MUST_CHECK bool browse_status(struct task *t, struct services *s, struct json_out *o);
MUST_CHECK bool browse_products(struct task *t, struct services *s, struct json_out *o);
/* `domain.product`: ERR_NOT_FOUND, in the same words for what is not there and what may not be discovered. */
MUST_CHECK bool browse_product(struct task *t, struct services *s, str address, struct json_out *o);
/* Newest first; of all products when `address` is empty. */
MUST_CHECK bool browse_runs(struct task *t, struct services *s, str address, uint64_t most,
                            struct json_out *o);
/* One run with its checks. What checks found is for those who are clear on the table. */
MUST_CHECK bool browse_run(struct task *t, struct services *s, str id, struct json_out *o);
/* Policies that name nothing which the actor may not discover. */
MUST_CHECK bool browse_policies(struct task *t, struct services *s, struct json_out *o);
MUST_CHECK bool browse_policy(struct task *t, struct services *s, str id, struct json_out *o);
/* What requirements found, now and before, and the waivers. */
MUST_CHECK bool browse_report(struct task *t, struct services *s, struct json_out *o);
/* Edges between what `address` (a product, table or column) is made of, and what is made of it: of current releases, and of those alone
 * that the actor may discover. */
MUST_CHECK bool browse_lineage(struct task *t, struct services *s, str address, bool is_up,
                               bool is_down, bool is_of_columns, struct json_out *o);
/* The candidate of a product, with the verdicts of those who read it; and all of products that the actor may run. */
MUST_CHECK bool browse_candidate(struct task *t, struct services *s, str address,
                                 struct json_out *o);
MUST_CHECK bool browse_candidates(struct task *t, struct services *s, struct json_out *o);
void browse_job(const struct job_row *row, struct json_out *o);

#endif
