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
/* Sets of entitlements whose rows come with an apply. */
struct plan_entitled {
    VEC_OF(struct policy_entitlement)
};
MUST_CHECK bool plan_read_entitled(struct task *t, struct services *s, const struct image *image,
                                   const struct model *model, struct plan_entitled *out);
/* Part of the applying transaction. ERR_CONFLICT when one of the products was published since. */
MUST_CHECK bool plan_write_entitled(struct task *t, struct metadb *db, const struct model *model,
                                    const struct plan_entitled *entitled);
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
