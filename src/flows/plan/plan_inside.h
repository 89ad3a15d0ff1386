/* Parts of plan. */
#ifndef WEFT_PLAN_INSIDE_H
#define WEFT_PLAN_INSIDE_H

#include "plan/plan.h"

/* Every SELECT of every product against its inputs' contracts: findings with their place in the .sql file. */
MUST_CHECK bool plan_check_sql(struct task *t, struct engine *engine, const struct model *model,
                               struct report *report);
/* Every policy against the tables of the model, which has no errors yet; conditions and masks are tried by the engine. */
MUST_CHECK bool plan_check_policies(struct task *t, struct engine *engine,
                                    const struct model *model, struct report *report);
/* A table as decisions see it, with the places of its columns as their ids. */
void plan_policy_table(struct arena *mem, const struct model_product *product,
                       const struct contract *contract, const struct contract_table *table,
                       struct policy_table *out);
/* Tests of policies: a case that fails is a finding. Only those of tables of `domain` and in `file`, where these are not empty. */
MUST_CHECK bool plan_run_policy_tests(struct task *t, struct engine *engine,
                                      const struct model *model, str domain, str file,
                                      struct report *report, struct plan_case_results *results);
/* Requirements, over the mesh as the plan would make it; `today` is what it is. ERR_INVALID when one that blocks is not met. */
MUST_CHECK bool plan_check_requirements(struct task *t, struct plan *p, const struct image *today);
/* Without a catalog, as itself: what needs one is a note. */
MUST_CHECK bool plan_check_requirements_offline(struct task *t, struct engine *engine,
                                                const struct model *model, struct report *report);
/* What `now` has that `before` has not, and the other way round; `before` may be empty. */
MUST_CHECK bool plan_compare(struct task *t, const struct bundle *before,
                             const struct model *model_before, const struct bundle *now,
                             const struct model *model_now, struct plan *p);
/* May the actor change these files? ERR_DENIED names the first that he may not. `before` and `after` are the whole mesh, `model` that
 * of `before`, or NULL for an empty one. */
MUST_CHECK bool plan_may_change(struct task *t, const struct model *model,
                                const struct bundle *before, const struct bundle *after,
                                bool *override_out);
/* `NAME.policy.yaml`, `.yml` or `.json`. */
bool plan_is_policy(str path);
/* Is the path inside `domains/<domain>/`? */
bool plan_is_of_domain(str path, str domain);
/* Files of `base` outside of the domain with those of `ours` inside of it. */
void plan_merge(struct arena *mem, const struct bundle *base, const struct bundle *ours, str domain,
                struct bundle *out);

#endif
