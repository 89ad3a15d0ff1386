/* Proposals: anyone of the mesh plans a change of global policies; the guild applies it, after all of it was checked again.
 *
 * A proposal is judged as far as its author may discover: what is hidden from him is taken out before his texts are held against the
 * mesh, so that no finding tells of it. */
#include "actor/actor.h"
#include "buf/buf.h"
#include "document/document.h"
#include "limits/limits.h"
#include "plan_inside.h"
#include "plan_row/plan_row.h"

bool plan_is_global(str path)
{
    return str_starts(path, STR(PLAN_POLICIES));
}

str plan_policies_digest(struct arena *mem, const struct bundle *bundle)
{
    struct bundle policies = {0};

    for (size_t i = 0; i < bundle->len; i++) {
        if (plan_is_global(bundle->at[i].path)) {
            vec_push(mem, &policies, bundle->at[i]);
        }
    }
    return document_digest(mem, &policies);
}

struct plan_discovery {
    struct task *t;
    const struct image *image;
};

static bool plan_may_know(void *ctx, const struct model_product *product)
{
    const struct plan_discovery *by = ctx;
    const struct image_product *today =
        image_find_product(by->image, product->domain->name, product->name);

    return today == NULL || gate_may_discover(by->t, by->image, today);
}

/* What is said of files that stay as they are comes from what was taken out, or is not this author's to mend. */
static void plan_keep_own(struct report *report, const struct str_list *changed)
{
    size_t kept = 0;

    report->errors = 0;
    for (size_t i = 0; i < report->len; i++) {
        if (str_list_has(changed, report->at[i].place.file)) {
            report->at[kept] = report->at[i];
            report->errors += report->at[kept++].level == FINDING_ERROR;
        }
    }
    report->len = kept;
}

/* Labels are what they will be when it is applied, by whatever columns they came: so all is traced, before anything is taken out. What is
 * found on the way is of files that the author may not know. */
static bool plan_trace_labels(struct task *t, struct plan *p)
{
    struct labels *labels = ARENA_NEW(t->mem, struct labels);
    struct label_traces traces = {0};
    struct report ignored;

    report_init(&ignored, t->mem);
    if (!plan_check_sql(t, p->services->engine, p->model, NULL, &ignored, &traces, NULL)) {
        return false;
    }
    labels_inherit(t->mem, p->model, &traces, NULL, labels);
    p->labels = labels;
    return true;
}

static bool plan_judge_proposal(struct task *t, struct plan *p, const struct image *image,
                                struct bundle *whole)
{
    struct engine *engine = p->services->engine;

    if (!document_parse(t, t->mem, whole, &p->findings)) {
        return false;
    }
    p->model = plan_model(t, image, whole, &p->findings);
    if (p->findings.errors == 0 && !plan_trace_labels(t, p)) {
        return false;
    }
    model_keep_products(p->model, plan_may_know, &(struct plan_discovery){t, image});
    if (p->findings.errors == 0
        && !plan_check_policies(t, engine, p->model, p->labels, &p->findings)) {
        return false;
    }
    plan_keep_own(&p->findings, &p->distrusted);
    if (p->findings.errors == 0
        && !plan_run_policy_tests(t, engine, p->model, p->labels,
                                  &(struct plan_releases){.services = p->services, .image = image},
                                  STR_NONE, STR_NONE, &p->findings, NULL)) {
        return false;
    }
    plan_keep_own(&p->findings, &p->distrusted);
    report_sort(&p->findings);
    return p->findings.errors == 0
        || task_fail(t, ERR_INVALID, "%zu error%s in the proposal", p->findings.errors,
                     p->findings.errors > 1 ? "s" : "");
}

bool plan_may_propose(const struct task *t, const struct plan *p, const struct image *image)
{
    return p->of_policies && t->actor->kind == ACTOR_USER && image->model != NULL;
}

bool plan_propose(struct task *t, struct plan *p, const struct image *image,
                  const struct bundle *before, struct bundle *whole)
{
    bool ok;

    p->is_proposal = true;
    plan_find_changed(t->mem, before, whole, &p->distrusted);
    ok = plan_judge_proposal(t, p, image, whole);
    /* A requirement of others, which he did not touch, is held against his change too; its rows are told as far as he may see. */
    return ok && plan_check_requirements(t, p, image);
}

bool plan_recheck(struct task *t, struct services *s, const struct image *image,
                  struct bundle *whole)
{
    struct labels labels;
    struct plan p = {.services = s, .labels = &labels};
    struct buf *text;

    report_init(&p.findings, t->mem);
    if (plan_compile(t, s->engine, whole, &(struct plan_releases){.services = s, .image = image},
                     STR_NONE, &p.findings, &p.model, &labels)
        && plan_check_requirements(t, &p, image)) {
        return true;
    }
    if (t->err.code != ERR_INVALID || p.findings.errors == 0) {
        return false;
    }
    text = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    report_text(&p.findings, text);
    task_fail(t, ERR_INVALID, "the proposal does not fit the mesh: %zu error%s", p.findings.errors,
              p.findings.errors > 1 ? "s" : "");
    task_detail(t, "%.*s", STR_ARG(buf_str(text)));
    return task_hint(t, "its author can mend it and plan again");
}

static bool plan_touches_global(const struct bundle *before, const struct bundle *after)
{
    struct arena *mem = arena_new();
    struct str_list changed = {0};
    bool touches = false;

    plan_find_changed(mem, before, after, &changed);
    for (size_t i = 0; i < changed.len; i++) {
        touches = touches || plan_is_global(changed.at[i]);
    }
    arena_free(mem);
    return touches;
}

bool plan_four_eyes(struct task *t, const struct image *image, const struct plan_row *row,
                    const struct bundle *before, const struct bundle *after, bool *override_out)
{
    if (image->model == NULL || !image->model->mesh.four_eyes
        || !plan_touches_global(before, after)) {
        return true;
    }
    /* Whoever owns the home can be anybody over the socket: that he was is what the audit is to say. */
    if (actor_is_operator(t->actor) || t->actor->on_behalf.len > 0) {
        *override_out = true;
        return true;
    }
    if (!str_eq(row->actor, t->actor->name)) {
        return true;
    }
    task_fail(t, ERR_DENIED, "%.*s made this plan, and four eyes are to see a change of policies/",
              STR_ARG(t->actor->name));
    return task_hint(t, "somebody else of the guild applies it: weft apply --plan %.*s",
                     STR_ARG(row->id));
}
