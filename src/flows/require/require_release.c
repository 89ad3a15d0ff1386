/* Requirements held against the mesh as it would be with one more release: what they find of its product. */
#include "clock/clock.h"
#include "require/require.h"

/* What is found is read by the whole domain, so it names what that may discover. */
static bool require_domain_sees(void *ctx, const struct image_product *product)
{
    const struct require_release *r = ctx;

    return !str_eq(product->definition->visibility, STR("restricted"))
        || str_eq(product->definition->domain->name, r->target->definition->domain->name);
}

static bool require_is_of_product(const void *ctx, const struct require_row *row)
{
    const struct require_release *r = ctx;

    return str_eq(row->product, r->target->address);
}

static str require_find_text(const struct report *report, const struct policy *policy)
{
    for (size_t i = 0; i < report->len; i++) {
        if (str_eq(report->at[i].place.file, policy->file)
            && report->at[i].level == FINDING_ERROR) {
            return report->at[i].message;
        }
    }
    return STR("it could not be asked");
}

static void require_judge(struct task *t, struct require_release *r, const struct report *report,
                          const struct require_result *result)
{
    struct require_verdict *out = vec_add(t->mem, &r->verdicts);
    size_t count = 0;

    out->policy = result->policy;
    if (!result->is_asked) {
        out->verdict = VERDICT_ERROR;
        out->message = require_find_text(report, result->policy);
        return;
    }
    out->found = require_text(t, result, require_is_of_product, r, &count);
    out->rows = count;
    out->verdict = count > 0 ? VERDICT_FAIL : VERDICT_PASS;
    out->message = count > 0 ? require_demand(result->policy) : STR_NONE;
}

bool require_release(struct task *t, struct require_release *r)
{
    struct image_candidate_release release = {
        .product = r->target->address,
        .release = {.number = r->target->release.number + 1, .published_us = clock_now_us()}};
    struct report report;
    struct require ask = {
        .engine = r->engine,
        .db = r->db,
        .policies = &r->image->model->policies,
        .image = image_candidate(t, r->image->model, r->image, &release),
        .domain = r->target->definition->domain->name,
        .ctx = r,
        .may_discover = require_domain_sees,
        .reader = arena_format(t->mem, "product:%.*s", STR_ARG(r->target->address)),
        .report = &report,
    };

    report_init(&report, t->mem);
    if (!require_ask(t, &ask)) {
        return false;
    }
    for (size_t i = 0; i < ask.results.len; i++) {
        require_judge(t, r, &report, &ask.results.at[i]);
    }
    return require_count(t, &ask, ask.domain, &r->compliance);
}
