/* What decisions go by: the policies of the files with the rows of their entitlements, and the agreements in force as grants beside
 * them. */
#include "entitlement/entitlement.h"
#include "image/image_inside.h"

struct image_policies *image_policies_pin(struct image_policies *policies)
{
    if (policies != NULL)
        atomic_fetch_add(&policies->pins, 1);
    return policies;
}

void image_policies_unpin(struct image_policies *policies)
{
    if (policies == NULL || atomic_fetch_sub(&policies->pins, 1) != 1)
        return;
    image_model_unpin(policies->model);
    arena_free(policies->mem);
}

/* An agreement is a grant of the contract on this product. A build declares no purpose: what a product may use data for is what the
 * agreement was given for, and is recorded with it. */
void image_add_agreement(struct arena *mem, struct policies *policies,
                         const struct access_request *row)
{
    struct policy *policy = vec_add(mem, policies);
    *policy = (struct policy){.id = access_request_policy(mem, row->id),
                              .description = row->reason,
                              .owner = row->requested_by,
                              .effect = POLICY_GRANT,
                              .contract = row->contract,
                              .role = row->role,
                              .until_us = row->until_us};
    vec_push(mem, &policy->selector.products, row->product);
    if (row->table.len > 0)
        vec_push(mem, &policy->selector.tables, access_request_target(mem, row));
    switch (row->taker_kind) {
    case ACCESS_USER:
        vec_push(mem, &policy->to_users, row->taker);
        policy->purposes = row->purposes;
        break;
    case ACCESS_GROUP:
        vec_push(mem, &policy->to_groups, row->taker);
        policy->purposes = row->purposes;
        break;
    case ACCESS_PRODUCT:
        vec_push(mem, &policy->to_products, row->taker);
        break;
    }
}

/* The model's lists are shared by other images: what differs is copied. */
static bool gather(struct task *t, struct metadb *db, const struct policies *of_files,
                   uint64_t version, struct image_policies *out)
{
    struct access_request_list rows;
    struct policies *policies = &out->policies;
    if (!access_request_in_force(t, out->mem, db, &rows))
        return false;
    *policies = *of_files;
    policies->version = version;
    policies->cap = policies->len;
    for (size_t i = 0; i < rows.len; i++)
        image_add_agreement(out->mem, policies, rows.at[i]);
    policies->entitlements.at = NULL;
    policies->entitlements.len = policies->entitlements.cap = 0;
    for (size_t i = 0; i < of_files->entitlements.len; i++)
        vec_push(out->mem, &policies->entitlements, of_files->entitlements.at[i]);
    return entitlement_fill(t, out->mem, db, policies);
}

bool image_policies_build(struct task *t, struct metadb *db, struct image_model *model,
                          uint64_t version, struct image_policies **out)
{
    struct arena *mem = arena_new();
    struct image_policies *policies = ARENA_NEW(mem, struct image_policies);
    policies->pins = 1;
    policies->mem = mem;
    policies->model = image_model_pin(model);
    if (!gather(t, db, &model->model->policies, version, policies)) {
        image_policies_unpin(policies);
        return false;
    }
    *out = policies;
    return true;
}
