/* Requirements of the guild and of the domain, over the mesh as it would be with this release: what they find of this very product
 * rejects the run. */
#include "buf/buf.h"
#include "check_row/check_row.h"
#include "run_inside.h"

/* Says every requirement that is not met, as run_judge does of checks. */
static bool run_end_requirements(struct task *t, struct run *r)
{
    struct buf *lines = buf_new(t->mem, RUN_DETAIL_BYTES_MAX);
    size_t failed = 0;

    for (size_t i = 0; i < r->required.verdicts.len; i++) {
        const struct require_verdict *of = &r->required.verdicts.at[i];

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
                     run_what_stays(r));
}

bool run_check_requirements(struct task *t, struct run *r)
{
    r->required = (struct require_release){.engine = r->services->engine,
                                           .db = r->services->db,
                                           .image = r->image,
                                           .target = r->target};
    return require_release(t, &r->required) && run_end_requirements(t, r);
}

bool run_write_requirements(struct task *t, struct metadb *db, const struct run *r)
{
    for (size_t i = 0; i < r->required.verdicts.len; i++) {
        const struct require_verdict *of = &r->required.verdicts.at[i];
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
