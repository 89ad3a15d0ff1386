/* Requirements of the guild and of the domain, over the mesh as it would be with this release: what they find of this very product
 * rejects the run. */
#include "actor/actor.h"
#include "buf/buf.h"
#include "check_row/check_row.h"
#include "clock/clock.h"
#include "require/require.h"
#include "run_inside.h"

/* The run's error is read by the whole domain, so it names what that may discover. */
static bool run_domain_sees(void *ctx, const struct image_product *product)
{
    const struct run *r = ctx;

    return !str_eq(product->definition->visibility, STR("restricted"))
        || str_eq(product->definition->domain->name, r->target->definition->domain->name);
}

static bool run_is_of_product(const void *ctx, const struct require_row *row)
{
    const struct run *r = ctx;

    return str_eq(row->product, r->product);
}

static str run_find_text(const struct report *report, const struct policy *policy)
{
    for (size_t i = 0; i < report->len; i++) {
        if (str_eq(report->at[i].place.file, policy->file)
            && report->at[i].level == FINDING_ERROR) {
            return report->at[i].message;
        }
    }
    return STR("it could not be asked");
}

static void run_judge_requirement(struct task *t, struct run *r, const struct report *report,
                                  const struct require_result *result)
{
    struct run_requirement *out = vec_add(t->mem, &r->requirements);
    size_t count = 0;

    out->policy = result->policy;
    if (!result->is_asked) {
        out->verdict = VERDICT_ERROR;
        out->message = run_find_text(report, result->policy);
        return;
    }
    out->found = require_text(t, result, run_is_of_product, r, &count);
    out->rows = count;
    out->verdict = count > 0 ? VERDICT_FAIL : VERDICT_PASS;
    out->message = count > 0 ? require_demand(result->policy) : STR_NONE;
}

/* Says every requirement that is not met, as run_judge does of checks. */
static bool run_end_requirements(struct task *t, struct run *r)
{
    struct buf *lines = buf_new(t->mem, RUN_DETAIL_BYTES_MAX);
    size_t failed = 0;

    for (size_t i = 0; i < r->requirements.len; i++) {
        const struct run_requirement *of = &r->requirements.at[i];

        if (of->verdict == VERDICT_PASS) {
            continue;
        }
        if (of->policy->is_warning) {
            report_add(&r->findings, FINDING_WARNING, ERR_CHECK_FAILED, of->policy->query_place,
                       "requirement %.*s is not met: %.*s", STR_ARG(of->policy->id),
                       STR_ARG(of->message))
                ->found = of->found;
            continue;
        }
        failed++;
        buf_format(lines, "%srequirement %.*s is not met: %.*s", lines->len ? "\n" : "",
                   STR_ARG(of->policy->id), STR_ARG(of->message));
        buf_format(lines, "%s%.*s", of->found.len ? "\n" : "", STR_ARG(of->found));
    }
    if (failed == 0) {
        return true;
    }
    task_fail(t, ERR_CHECK_FAILED,
              "%.*s does not meet %zu requirement%s of the mesh: the run is rejected",
              STR_ARG(r->product), failed, failed > 1 ? "s" : "");
    task_detail(t, "%.*s", STR_ARG(buf_str(lines)));
    return task_hint(t, "%s; mend the files of the product, apply them and run again",
                     r->target->release.number > 0 ? "the last good release stays"
                                                   : "nothing was published");
}

bool run_check_requirements(struct task *t, struct run *r)
{
    struct image_candidate_release release = {
        .product = r->product,
        .release = {.number = r->target->release.number + 1, .published_us = clock_now_us()}};
    struct report report;
    struct require ask = {
        .engine = r->services->engine,
        .db = r->services->db,
        .policies = &r->image->model->policies,
        .image = image_candidate(t, r->image->model, r->image, &release),
        .domain = r->target->definition->domain->name,
        .ctx = r,
        .may_discover = run_domain_sees,
        .reader = arena_format(t->mem, "product:%.*s", STR_ARG(r->product)),
        .report = &report,
    };

    report_init(&report, t->mem);
    if (!require_ask(t, &ask)) {
        return false;
    }
    for (size_t i = 0; i < ask.results.len; i++) {
        run_judge_requirement(t, r, &report, &ask.results.at[i]);
    }
    return require_count(t, &ask, ask.domain, &r->compliance) && run_end_requirements(t, r);
}

bool run_write_requirements(struct task *t, struct metadb *db, const struct run *r)
{
    for (size_t i = 0; i < r->requirements.len; i++) {
        const struct run_requirement *of = &r->requirements.at[i];
        struct check_row row = {
            .run_id = r->id,
            .table = STR(""),
            .rule_id = of->policy->id,
            .kind = STR("require"),
            .name = of->policy->description,
            .verdict = of->verdict,
            .rejects = !of->policy->is_warning,
            .expected = STR("no rows"),
            .found = of->found,
            .message = of->message,
            .rows_failed = of->rows,
        };

        if (!check_row_add(t, db, &row)) {
            return false;
        }
    }
    return true;
}
