#include "plan/plan.h"

#include <string.h>

#include "buf/buf.h"
#include "clock/clock.h"
#include "document/document.h"
#include "image/images.h"
#include "limits/limits.h"
#include "mesh_state/mesh_state.h"
#include "plan/plan_env.h"
#include "plan_inside.h"
#include "plan_row/plan_row.h"

const char *plan_action_name(enum plan_action action)
{
    static const char *const names[] = {"added", "changed", "removed"};

    return names[action];
}

bool plan_is_policy(str path)
{
    return str_ends(path, STR(".policy.yaml")) || str_ends(path, STR(".policy.yml"))
        || str_ends(path, STR(".policy.json"));
}

bool plan_is_of_domain(str path, str domains)
{
    str prefix = STR("domains/"), domain, rest;

    return str_starts(path, prefix) && str_cut(str_from(path, prefix.len), '/', &domain, &rest)
        && str_is_listed(domains, domain);
}

bool plan_is_planned(const struct plan *p, str domain)
{
    return p->domain.len == 0 || str_is_listed(p->domain, domain);
}

bool plan_is_in_scope(str path, str scope)
{
    return str_eq(scope, STR(PLAN_POLICIES)) ? plan_is_global(path)
                                             : plan_is_of_domain(path, scope);
}

static void plan_take_files(struct bundle *out, const struct bundle *from, size_t begin, size_t end)
{
    if (begin < end) {
        memcpy(&out->at[out->len], &from->at[begin], (end - begin) * sizeof(*out->at));
        out->len += end - begin;
    }
}

/* What has been read is not read again. */
static struct bundle_file plan_merge_file(const struct bundle *base, size_t *at,
                                          const struct bundle_file *ours)
{
    *at = bundle_first(base, *at, ours->path);
    bool is_same = *at < base->len && str_eq(base->at[*at].path, ours->path)
                && str_eq(base->at[*at].text, ours->text);

    return is_same ? base->at[*at] : *ours;
}

static void plan_list_folders(struct arena *mem, str scope, struct str_list *out)
{
    str name, rest = scope;

    if (scope.len == 0 || str_eq(scope, STR(PLAN_POLICIES))) {
        vec_push(mem, out, scope);
        return;
    }
    while (rest.len > 0) {
        (void)str_cut(rest, ',', &name, &rest);
        str_list_add(mem, out, arena_format(mem, "domains/%.*s/", STR_ARG(name)));
    }
    str_list_sort(out);
}

void plan_merge(struct arena *mem, const struct bundle *base, const struct bundle *ours, str scope,
                struct bundle *out)
{
    struct str_list folders = {0};
    size_t i = 0, j = 0;

    *out = (struct bundle){0};
    vec_reserve(mem, out, base->len + ours->len);
    plan_list_folders(mem, scope, &folders);
    /* Most files are of no folder that is planned: they are taken without a look at their paths. */
    for (size_t k = 0; k < folders.len; k++) {
        str folder = folders.at[k];
        size_t begin = bundle_first(base, i, folder), seen = begin;

        plan_take_files(out, base, i, begin);
        for (; j < ours->len && str_starts(ours->at[j].path, folder); j++) {
            vec_push(mem, out, plan_merge_file(base, &seen, &ours->at[j]));
        }
        for (i = begin; i < base->len && str_starts(base->at[i].path, folder);) {
            i++;
        }
    }
    CHECK(j == ours->len);
    plan_take_files(out, base, i, base->len);
}

static bool plan_check_paths(struct task *t, const struct plan *p)
{
    for (size_t i = 0; i < p->bundle.len; i++) {
        str path = p->bundle.at[i].path;

        if (p->domain.len > 0 && !plan_is_of_domain(path, p->domain)) {
            task_fail(t, ERR_DENIED, "%.*s lies outside of domain %.*s", STR_ARG(path),
                      STR_ARG(p->domain));
            return task_hint(t, "with --domain only files below domains/DOMAIN/ are sent");
        }
        if (p->of_policies && !plan_is_global(path)) {
            task_fail(t, ERR_DENIED, "%.*s lies outside of policies/", STR_ARG(path));
            return task_hint(t, "with --policies only files below policies/ are sent");
        }
        if (i > 0 && str_eq(path, p->bundle.at[i - 1].path)) {
            return task_fail(t, ERR_USAGE, "the bundle has %.*s twice", STR_ARG(path));
        }
    }
    return true;
}

/* Of a plan only those whose files it changes, or whose producers' files. */
static bool plan_test_products(struct task *t, struct engine *engine, const struct bundle *bundle,
                               const struct model *model, const struct plan_compiled_list *compiled,
                               const struct plan_releases *releases, struct report *report)
{
    struct plan_tests all = {.of_products = true};
    struct str_list changed = {0};

    if (releases != NULL && releases->before != NULL) {
        plan_find_changed(t->mem, releases->before, bundle, &changed);
    }
    return plan_run_product_tests(t, engine, model, compiled, &all,
                                  releases != NULL ? &changed : NULL, report, NULL);
}

struct model *plan_model(struct task *t, const struct image *image, const struct bundle *bundle,
                         struct report *report)
{
    struct model_before before = {0};

    if (image != NULL && image->model != NULL) {
        before = (struct model_before){image->files, image->model};
    }
    return model_compile_over(t->mem, t->mem, NULL, &before, bundle, report);
}

/* Findings of all files in one go: what cannot be read, what does not fit, what the engine refuses. */
bool plan_compile(struct task *t, struct engine *engine, struct bundle *bundle,
                  const struct plan_releases *releases, str domain, struct report *report,
                  struct model **model_out, struct labels *labels_out)
{
    struct label_traces traces = {0};
    struct plan_compiled_list compiled = {0};
    struct pointer_map *kept = ARENA_NEW(t->mem, struct pointer_map);

    *labels_out = (struct labels){0};
    if (!document_parse(t, t->mem, bundle, report)) {
        return false;
    }
    *model_out = plan_model(t, releases != NULL ? releases->image : NULL, bundle, report);
    if (report->errors == 0 && domain.len > 0 && releases != NULL) {
        plan_find_unaffected(t, releases->image, *model_out, kept);
    }
    if (report->errors == 0) {
        if (!plan_check_sql(t, engine, *model_out, kept, report, &traces, &compiled)) {
            return false;
        }
        model_check_pins(*model_out, report);
        labels_inherit(t->mem, *model_out, &traces, kept, labels_out);
        plan_check_exceptions(t, *model_out, report);
        plan_check_declassified(&traces, report);
        /* A SELECT that cannot be traced takes all labels: what is said of that would not be of the files. */
        if (report->errors == 0) {
            labels_report(labels_out, releases != NULL ? domain : STR_NONE, report);
        }
        if (!plan_check_policies(t, engine, *model_out, labels_out, report)) {
            return false;
        }
    }
    if (report->errors == 0
        && (!plan_run_policy_tests(t, engine, *model_out, labels_out, releases, domain, STR_NONE,
                                   report, NULL)
            || !plan_test_products(t, engine, bundle, *model_out, &compiled, releases, report))) {
        return false;
    }
    report_sort(report);
    if (report->errors > 0) {
        return task_fail(t, ERR_INVALID, "%zu error%s in the files of the mesh", report->errors,
                         report->errors > 1 ? "s" : "");
    }
    return true;
}

bool plan_check(struct task *t, struct engine *engine, struct bundle *bundle, struct report *report)
{
    struct model *model;
    struct labels labels;

    return plan_compile(t, engine, bundle, NULL, STR_NONE, report, &model, &labels)
        && plan_check_requirements_offline(t, engine, model, report);
}

static bool plan_demand_product(struct task *t, const struct model *model, str address)
{
    struct str_list known = {0};

    if (model_find_product(model, address) != NULL) {
        return true;
    }
    for (size_t i = 0; i < model->by_name.len; i++) {
        str_list_add(t->mem, &known, model->by_name.at[i]->address);
    }
    str near = str_list_nearest(&known, address);
    task_fail(t, ERR_NOT_FOUND, "there is no product %.*s", STR_ARG(address));
    return near.len > 0 && task_hint(t, "did you mean %.*s?", STR_ARG(near));
}

bool plan_test(struct task *t, struct engine *engine, struct bundle *bundle,
               const struct plan_tests *which, struct report *report,
               struct plan_case_results *results)
{
    struct label_traces traces = {0};
    struct plan_compiled_list compiled = {0};
    struct labels labels = {0};
    struct model *model;

    if (!document_parse(t, t->mem, bundle, report)) {
        return false;
    }
    model = model_compile(t->mem, bundle, report);
    if (report->errors == 0 && which->product.len > 0
        && !plan_demand_product(t, model, which->product)) {
        return false;
    }
    if (report->errors == 0
        && !plan_check_sql(t, engine, model, NULL, report, &traces, &compiled)) {
        return false;
    }
    model_check_pins(model, report);
    if (report->errors == 0) {
        labels_inherit(t->mem, model, &traces, NULL, &labels);
    }
    if (report->errors == 0 && !plan_check_policies(t, engine, model, &labels, report)) {
        return false;
    }
    if (report->errors == 0
        && ((which->of_policies
             && !plan_run_policy_tests(t, engine, model, &labels, NULL, STR_NONE, which->file,
                                       report, results))
            || (which->of_products
                && !plan_run_product_tests(t, engine, model, &compiled, which, NULL, report,
                                           results)))) {
        return false;
    }
    report_sort(report);
    return report->errors == 0
        || task_fail(t, ERR_INVALID, "%zu error%s", report->errors, report->errors > 1 ? "s" : "");
}

static str plan_summary(struct task *t, const struct plan *p)
{
    struct buf *b = buf_new(t->mem, BUNDLE_BYTES_MAX);

    buf_add(b, STR("["));
    for (size_t i = 0; i < p->changes.len; i++) {
        const struct plan_change *change = &p->changes.at[i];

        buf_format(b, "%s{\"action\":\"%s\",\"kind\":\"%.*s\",\"name\":", i ? "," : "",
                   plan_action_name(change->action), STR_ARG(change->kind));
        buf_add_json(b, change->name);
        buf_add(b, STR("}"));
    }
    buf_add(b, STR("]"));
    return buf_str(b);
}

static bool plan_keep(struct task *t, struct plan *p)
{
    char id[37];
    struct plan_row row;

    if (p->changes.len == 0 && !p->mends) {
        return true;
    }
    /* A plan is kept with its files, and can wait until there is room. */
    if (!store_room(t, p->services->store, 0)) {
        return false;
    }
    clock_uuid(id);
    p->id = arena_str(t->mem, str_of(id));
    row = (struct plan_row){
        .id = p->id,
        .base_version = p->base_version,
        .domain = p->of_policies ? STR(PLAN_POLICIES) : p->domain,
        .policies = p->policies_digest,
        .digest = p->digest,
        .summary = plan_summary(t, p),
        .actor = t->actor->name,
        .created_us = clock_now_us(),
    };
    return plan_row_insert(t, p->services->db, &row, &p->bundle);
}

bool plan_load_base(struct task *t, struct services *s, struct bundle *before,
                    const struct image **image_out, uint64_t *version_out)
{
    struct mesh_state state;

    if (!images_refresh(t, s->images) || !mesh_state_get(t, s->db, &state)) {
        return false;
    }
    *image_out = image_pin(t, s->images);
    *version_out = state.mesh_version;
    if ((*image_out)->mesh_version == state.mesh_version) {
        /* Their documents live as long as the image, which is pinned until the task ends. */
        *before = (*image_out)->files != NULL ? *(*image_out)->files : (struct bundle){0};
        return true;
    }
    task_fail(t, ERR_CONFLICT, "the mesh changed this very moment");
    return task_hint(t, "plan again");
}

/* Of a domain that is planned alone, what is said of other files is for those who have them. */
static void plan_drop_others(struct plan *p)
{
    size_t kept = 0;

    for (size_t i = 0; p->domain.len > 0 && i < p->findings.len; i++) {
        const struct finding *finding = &p->findings.at[i];

        if (finding->level == FINDING_ERROR || plan_is_of_domain(finding->place.file, p->domain)) {
            p->findings.at[kept++] = *finding;
        }
    }
    p->findings.len = p->domain.len > 0 ? kept : p->findings.len;
}

/* An input that the actor may not discover is not there for him. */
static bool plan_may_name_input(struct task *t, const struct image *image, struct plan *p,
                                const struct model_input *input)
{
    const struct model_product *producer = input->producer;
    const struct image_product *product =
        producer != NULL ? image_find_product(image, producer->domain->name, producer->name) : NULL;
    struct finding *finding;

    if (product == NULL || gate_may_discover(t, image, product)) {
        return true;
    }
    finding = report_add(&p->findings, FINDING_ERROR, ERR_UNKNOWN_NAME, input->place,
                         "input port %.*s: there is no contract %.*s, or you may not discover it",
                         STR_ARG(input->name), STR_ARG(input->contract_id));
    finding->hint = STR("ask the owners of the product for a grant");
    return false;
}

/* Only what the plan changes is asked: files of others were applied by those who may. */
static bool plan_may_name(struct task *t, const struct image *image, struct plan *p)
{
    bool ok = true;

    for (size_t i = 0; i < p->model->products.len; i++) {
        const struct model_product *product = p->model->products.at[i];

        for (size_t j = 0; j < product->inputs.len; j++) {
            if (plan_is_planned(p, product->domain->name)) {
                ok = plan_may_name_input(t, image, p, &product->inputs.at[j]) && ok;
            }
        }
    }
    return ok || task_fail(t, ERR_INVALID, "an input of the mesh cannot be read");
}

/* What was taken out of the model of a proposal did not go. */
static bool plan_keep_own_changes(struct task *t, struct plan *p)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->changes.len; i++) {
        if (!p->is_proposal || str_list_has(&p->distrusted, p->changes.at[i].file)) {
            p->changes.at[kept++] = p->changes.at[i];
        }
    }
    p->changes.len = kept;
    return plan_keep(t, p);
}

static bool plan_end(struct task *t, struct plan *p, const struct image *image,
                     struct bundle *before, const struct bundle *whole)
{
    struct report ignored;

    report_init(&ignored, t->mem);
    if (!document_parse(t, t->mem, before, &ignored)
        || !plan_compare(t, before, image->model, whole, p->model, p)) {
        return false;
    }
    /* Of a proposal only the policies are looked at: its labels are those of today. */
    if (!p->is_proposal) {
        plan_compare_labels(t, image, p->labels, p);
        if (!plan_count_classes(t, image, p)) {
            return false;
        }
    }
    return plan_keep_own_changes(t, p);
}

const struct model *plan_model_after(struct task *t, const struct plan *p,
                                     const struct image *image, const struct bundle *whole,
                                     bool has_compiled)
{
    struct report report;

    if (has_compiled) {
        return p->model;
    }
    if (t->err.code != ERR_INVALID || p->model == NULL) {
        return NULL;
    }
    report_init(&report, t->mem);
    const struct model *now = plan_model(t, image, whole, &report);
    return report.errors == 0 ? now : NULL;
}

static bool plan_judge_contracts(struct task *t, struct plan *p, const struct image *image,
                                 const struct bundle *whole, bool has_compiled)
{
    const struct model *now = plan_model_after(t, p, image, whole, has_compiled);

    return now != NULL && plan_compare_contracts(t, image, now, p) && has_compiled;
}

bool plan_make(struct task *t, struct plan *p)
{
    const struct image *image;
    struct bundle before = {0}, whole;
    struct labels *labels = ARENA_NEW(t->mem, struct labels);
    bool is_override;

    p->labels = labels;
    report_init(&p->findings, t->mem);
    t->deadline_ms = clock_monotonic_ms() + CONFIG_INT(p->services->config, run_timeout_s) * 1000;
    if (!plan_check_paths(t, p)
        || !plan_load_base(t, p->services, &before, &image, &p->base_version)) {
        return false;
    }
    plan_merge(t->mem, &before, &p->bundle, p->of_policies ? STR(PLAN_POLICIES) : p->domain,
               &whole);
    p->digest = document_digest(t->mem, &whole);
    p->policies_digest = p->of_policies ? plan_policies_digest(t->mem, &before) : STR_NONE;
    if (!plan_env_allows(t, p->services, &before, &whole)) {
        return false;
    }
    /* A plan tells of the mesh what its files say: only those who may change them get to hear it. */
    if (!plan_may_change(t, image->model, &before, &whole, &is_override)) {
        if (!plan_may_propose(t, p, image)) {
            return false;
        }
        task_clear_error(t);
        return plan_propose(t, p, image, &before, &whole) && plan_end(t, p, image, &before, &whole);
    }
    bool ok = plan_compile(t, p->services->engine, &whole,
                           &(struct plan_releases){p->services, image, &before}, p->domain,
                           &p->findings, &p->model, labels);
    ok = plan_judge_contracts(t, p, image, &whole, ok) && plan_may_name(t, image, p)
      && plan_find_needs(t, image, p);
    if (ok) {
        plan_find_endings(p);
        plan_advise(t, p, image);
    }
    plan_drop_others(p);
    plan_hide_findings(t, image, p);
    return ok && plan_check_requirements(t, p, image)
        && plan_env_mends(t, p->services, image->model, p->domain, &p->mends)
        && plan_end(t, p, image, &before, &whole);
}
