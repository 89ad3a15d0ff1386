/* Two bundles compared, without a catalog: a branch against the one that it will be merged into. */
#include "document/document.h"
#include "label/label.h"
#include "plan_inside.h"

static bool plan_read_before(struct task *t, struct bundle *before, const struct model **out)
{
    struct report report;

    report_init(&report, t->mem);
    if (!document_parse(t, t->mem, before, &report)) {
        return false;
    }
    *out = model_compile(t->mem, before, &report);
    if (report.errors == 0) {
        return true;
    }
    task_fail(t, ERR_INVALID, "the files to compare with have %zu error%s", report.errors,
              report.errors > 1 ? "s" : "");
    return task_hint(t, "weft check says which");
}

static bool plan_compare_promises(struct task *t, const struct bundle *whole,
                                  const struct model *before, struct plan *p, bool has_compiled)
{
    const struct model *now = plan_model_after(t, p, NULL, whole, has_compiled);

    return now != NULL && plan_compare_models(t, before, now, p) && has_compiled;
}

bool plan_against(struct task *t, struct engine *engine, struct bundle *before, struct plan *p)
{
    struct labels *labels = ARENA_NEW(t->mem, struct labels);
    const struct model *model_before;
    struct bundle whole;
    bool ok;

    p->labels = labels;
    report_init(&p->findings, t->mem);
    if (!plan_read_before(t, before, &model_before)) {
        return false;
    }
    plan_merge(t->mem, before, &p->bundle, p->of_policies ? STR(PLAN_POLICIES) : p->domain, &whole);
    p->digest = document_digest(t->mem, &whole);
    ok = plan_compile(t, engine, &whole, NULL, p->domain, &p->findings, &p->model, labels);
    ok = plan_compare_promises(t, &whole, model_before, p, ok);
    if (ok) {
        plan_find_endings(p);
        ok = plan_check_requirements_offline(t, engine, p->model, &p->findings)
          && plan_compare(t, before, model_before, &whole, p->model, p);
    }
    report_sort(&p->findings);
    return ok;
}
