/* What was found, counted for each policy and domain. */
#include "require/require.h"

static bool require_count_one(struct task *t, struct require *r,
                              const struct require_result *result, str domain,
                              struct compliance_list *out)
{
    struct compliance_row row = {
        .policy = result->policy->id, .domain = domain, .is_warning = result->policy->is_warning};

    for (size_t i = 0; i < result->len; i++) {
        row.violations += str_eq(result->at[i].domain, domain);
    }
    if (!require_objects(t, r, result, domain, &row.objects)) {
        return false;
    }
    vec_push(t->mem, out, row);
    return true;
}

static bool require_has_none(const struct require_result *result)
{
    for (size_t i = 0; i < result->len; i++) {
        if (result->at[i].domain.len == 0) {
            return true;
        }
    }
    return false;
}

bool require_count(struct task *t, struct require *r, str domain, struct compliance_list *out)
{
    const struct model *model = r->image->model;

    *out = (struct compliance_list){0};
    for (size_t i = 0; i < r->results.len; i++) {
        const struct require_result *result = &r->results.at[i];
        str only = domain.len > 0 ? domain : result->policy->domain;

        for (size_t j = 0; result->is_asked && j < model->domains.len; j++) {
            str name = model->domains.at[j]->name;

            if ((only.len == 0 || str_eq(name, only))
                && !require_count_one(t, r, result, name, out)) {
                return false;
            }
        }
        /* Rows that do not say whose they are count for the mesh, and only while there are some. */
        if (result->is_asked && domain.len == 0 && require_has_none(result)
            && !require_count_one(t, r, result, STR_NONE, out)) {
            return false;
        }
    }
    return true;
}
