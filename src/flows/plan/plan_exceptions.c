/* Exceptions of products: each is for the SQL that its giver has read, which its digest tells. */
#include "plan_inside.h"
#include "product/product.h"

static void plan_check_exception(struct task *t, const struct policy *policy, size_t index,
                                 const struct model_product *product, struct report *report)
{
    str digest = product_digest(t->mem, product), given = policy->except.digests.at[index];
    str name = policy->except.products.at[index];
    struct finding *finding;

    if (str_eq(given, digest)) {
        return;
    }
    if (given.len == 0) {
        finding = report_add(report, FINDING_ERROR, ERR_INVALID, policy->except.place,
                             "the exception of %.*s from policy %.*s does not say for which SQL",
                             STR_ARG(name), STR_ARG(policy->id));
        finding->hint =
            arena_format(t->mem, "read its SQL, and write {product: %.*s, digest: %.*s}",
                         STR_ARG(name), STR_ARG(digest));
        return;
    }
    /* Told where those look who have changed it. */
    finding = report_add(report, FINDING_WARNING, ERR_INVALID, product->place,
                         "the SQL of %.*s is not the one that policy %.*s excepts: its next run is "
                         "decided without the exception",
                         STR_ARG(name), STR_ARG(policy->id));
    finding->found = given;
    finding->hint = arena_format(
        t->mem, "whoever answers for the policy reads the SQL, and writes digest: %.*s",
        STR_ARG(digest));
}

void plan_check_exceptions(struct task *t, const struct model *model, struct report *report)
{
    for (size_t i = 0; i < model->policies.len; i++) {
        const struct policy *policy = &model->policies.at[i];

        for (size_t k = 0; k < policy->except.products.len; k++) {
            const struct model_product *product =
                model_find_product(model, policy->except.products.at[k]);

            if (product != NULL) {
                plan_check_exception(t, policy, k, product, report);
            }
        }
    }
}
