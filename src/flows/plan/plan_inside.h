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
/* A table of a product as decisions see it. */
void plan_policy_table(struct arena *mem, const struct model_product *product,
                       const struct contract *contract, const struct contract_table *table,
                       struct policy_table *out);
/* Inputs that products of the plan may not read yet, by its policies and the agreements of the mesh: p->needs, and a warning each. */
MUST_CHECK bool plan_find_needs(struct task *t, const struct image *image, struct plan *p);
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
/* What an apply changes, as the audit keeps it: files by their hashes, policies, users of mesh.yaml. `model_before` is NULL the first
 * time. A JSON object. */
struct plan_change_of_mesh {
    str plan, domain;
    uint64_t mesh_version;
    bool is_override;
    const struct bundle *before, *after;
    const struct model *model_before, *model_after;
};
str plan_audit_detail(struct task *t, const struct plan_change_of_mesh *change);
/* `NAME.policy.yaml`, `.yml` or `.json`. */
bool plan_is_policy(str path);
/* Is the path inside `domains/<domain>/`? */
bool plan_is_of_domain(str path, str domain);
/* Files of `base` outside of the domain with those of `ours` inside of it. */
void plan_merge(struct arena *mem, const struct bundle *base, const struct bundle *ours, str domain,
                struct bundle *out);

#endif
