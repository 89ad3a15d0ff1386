/* Requirements held against the mesh as it would be after the plan. */
#include "actor/actor.h"
#include "plan_inside.h"
#include "require/require.h"

struct plan_reader {
    struct task *t;
    const struct image *today;
};

/* What comes with this very plan is known to who made it; all else is judged by the mesh as it is, never by what the plan says. */
static bool plan_may_discover(void *ctx, const struct image_product *product)
{
    const struct plan_reader *reader = ctx;
    const struct image_product *before = image_find_product(
        reader->today, product->definition->domain->name, product->definition->name);

    return before == NULL || gate_may_discover(reader->t, reader->today, before);
}

/* A plan of one domain answers for that domain, and for what it does to others: what was wrong there before does not hold it up. */
static bool plan_is_meant(const void *ctx, const struct require_row *row)
{
    const struct plan *p = ctx;

    return row->domain.len == 0 || plan_is_planned(p, row->domain) || !row->was_before;
}

static bool plan_has_foreign(const struct plan *p, const struct require_result *result)
{
    for (size_t i = 0; i < result->len; i++) {
        const struct require_row *row = &result->at[i];

        if (row->domain.len > 0 && !plan_is_planned(p, row->domain)) {
            return true;
        }
    }
    return false;
}

static void plan_tell_requirement(struct task *t, struct report *report,
                                  const struct require_result *result, const struct plan *p)
{
    const struct policy *policy = result->policy;
    struct finding *finding;
    size_t count;
    str rows = require_text(t, result, p != NULL ? plan_is_meant : NULL, p, &count),
        demand = require_demand(policy);

    if (count == 0) {
        return;
    }
    finding =
        report_add(report, policy->is_warning ? FINDING_WARNING : FINDING_ERROR, ERR_CHECK_FAILED,
                   policy->query_place, "requirement %.*s is not met %s%zu time%s%s%.*s",
                   STR_ARG(policy->id), result->is_cut ? "more than " : "", count,
                   count > 1 ? "s" : "", demand.len > 0 ? ": " : "", STR_ARG(demand));
    finding->found = rows;
    finding->hint =
        policy->owner.len > 0
            ? arena_format(t->mem, "mend what is found, or ask %.*s, who answers for the policy",
                           STR_ARG(policy->owner))
            : STR("mend what is found");
}

static bool plan_end_requirements(struct task *t, struct report *report, size_t before)
{
    size_t errors = report->errors - before;

    report_sort(report);
    return errors == 0
        || task_fail(t, ERR_INVALID, "%zu requirement%s of the mesh %s not met", errors,
                     errors > 1 ? "s" : "", errors > 1 ? "are" : "is");
}

/* Most meshes ask nothing of themselves: then they need not be made up as they would be. */
static bool plan_has_requirements(const struct policies *policies)
{
    for (size_t i = 0; i < policies->len; i++) {
        if (policies->at[i].effect == POLICY_REQUIRE) {
            return true;
        }
    }
    return false;
}

bool plan_check_requirements(struct task *t, struct plan *p, const struct image *today)
{
    if (!plan_has_requirements(&p->model->policies)) {
        return true;
    }
    struct plan_reader reader = {.t = t, .today = today};
    struct require r = {
        .engine = p->services->engine,
        .db = p->services->db,
        .policies = &p->model->policies,
        .image = image_candidate(t, p->model, today, NULL),
        .domain = p->domain,
        .distrusted = p->distrusted,
        .ctx = &reader,
        .may_discover = plan_may_discover,
        .reader = actor_key(t->mem, t->actor),
        .report = &p->findings,
    };
    size_t errors = p->findings.errors;

    if (!require_ask(t, &r)) {
        return false;
    }
    for (size_t i = 0; i < r.results.len; i++) {
        struct require_result *result = &r.results.at[i];

        if (plan_has_foreign(p, result) && !require_compare(t, &r, today, result)) {
            return false;
        }
        plan_tell_requirement(t, &p->findings, result, p);
    }
    return plan_end_requirements(t, &p->findings, errors);
}

bool plan_count_requirements(struct task *t, struct services *s, const struct model *model,
                             const struct image *today, struct compliance_list *out)
{
    *out = (struct compliance_list){0};
    if (!plan_has_requirements(&model->policies)) {
        return true;
    }
    struct report unheard;
    struct require r = {
        .engine = s->engine,
        .db = s->db,
        .policies = &model->policies,
        .image = image_candidate(t, model, today, NULL),
        .report = &unheard,
    };

    report_init(&unheard, t->mem);
    return require_ask(t, &r) && require_count(t, &r, STR_NONE, out);
}

bool plan_check_requirements_offline(struct task *t, struct engine *engine,
                                     const struct model *model, struct report *report)
{
    if (!plan_has_requirements(&model->policies)) {
        return true;
    }
    struct require r = {
        .engine = engine,
        .policies = &model->policies,
        .image = image_candidate(t, model, NULL, NULL),
        .report = report,
    };
    size_t errors = report->errors;

    if (!require_ask(t, &r)) {
        return false;
    }
    for (size_t i = 0; i < r.results.len; i++) {
        plan_tell_requirement(t, report, &r.results.at[i], NULL);
    }
    return plan_end_requirements(t, report, errors);
}
