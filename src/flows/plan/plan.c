#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "buf/buf.h"
#include "clock/clock.h"
#include "column_label/column_label.h"
#include "document/document.h"
#include "fault/fault.h"
#include "image/images.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "mesh_state/mesh_state.h"
#include "outbox/outbox.h"
#include "plan/plan_env.h"
#include "plan_inside.h"
#include "plan_row/plan_row.h"
#include "product/product.h"
#include "product_schedule/product_schedule.h"
#include "user/user.h"

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

    if (p->changes.len == 0) {
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
    return ok && plan_check_requirements(t, p, image) && plan_end(t, p, image, &before, &whole);
}

struct plan_commit {
    const struct plan_row
        *row; /* NULL: an environment comes to its mesh, and nobody applies anything */
    const struct bundle *before, *whole;
    const struct model *model_before, *model;
    struct plan_entitled entitled;
    struct compliance_list compliance;
    struct labels labels;
    struct pointer_map kept; /* products that stand as they stood, with their labels */
    bool touches_policy;
    bool is_override;
    uint64_t base_version, mesh_version;
    struct services *ids_of; /* NULL, or an environment: ids that it gave hold here too */
    const struct environment_files *env_files; /* NULL: it is the mesh */
    bool is_mended;   /* of an environment: nothing is set aside any more */
    uint64_t follows; /* of an environment: its mesh of this version; 0: as before */
};

static str plan_detail(struct task *t, const struct plan_commit *commit)
{
    struct json_out o = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};

    json_out_begin(&o, "", '{');
    json_out_str(&o, "plan", commit->row->id);
    json_out_uint(&o, "mesh_version", commit->mesh_version);
    json_out_str(&o, "domain", commit->row->domain);
    json_out_bool(&o, "override", commit->is_override);
    json_out_end(&o, '}');
    return buf_str(o.b);
}

static str plan_change_detail(struct task *t, const struct plan_commit *commit)
{
    return plan_audit_detail(t, &(struct plan_change_of_mesh){.plan = commit->row->id,
                                                              .domain = commit->row->domain,
                                                              .mesh_version = commit->mesh_version,
                                                              .is_override = commit->is_override,
                                                              .before = commit->before,
                                                              .after = commit->whole,
                                                              .model_before = commit->model_before,
                                                              .model_after = commit->model});
}

/* What is set aside, files as well as what was built of them, is brought back when the environment is made anew, as far as it fits
 * then. */
static bool plan_write_env(struct task *t, struct metadb *db, const struct plan_commit *commit)
{
    struct environment env;
    bool found;

    return environment_find(t, db, &env, &found)
        && environment_set(t, db,
                           env.problem.len > 0    ? 0
                           : commit->follows != 0 ? commit->follows
                                                  : env.mesh_version,
                           commit->is_mended ? STR_NONE : env.problem)
        && environment_set_files(t, db, commit->env_files)
        && (commit->follows == 0
            || audit_append(t, db, STR("follow"), env.name, STR("done"),
                            arena_format(t->mem, "{\"mesh_version\":%llu}",
                                         (unsigned long long)commit->follows),
                            NULL));
}

static bool plan_write_applied(struct task *t, struct metadb *db, struct plan_commit *commit);

static bool plan_commit(struct task *t, struct metadb *db, void *state)
{
    struct plan_commit *commit = state;
    struct mesh_state now;

    if (!mesh_state_apply(t, db, commit->base_version, commit->touches_policy, &now)) {
        if (t->err.code == ERR_CONFLICT) {
            task_hint(t, "plan again: the mesh has changed since this plan was made");
        }
        return false;
    }
    commit->mesh_version = now.mesh_version;
    metadb_pass_before_commit(db, FAULT_APPLY_BEFORE_COMMIT);
    return document_replace(t, db, commit->before, commit->whole)
        && (commit->ids_of == NULL
            || environment_take_ids(t, db, commit->ids_of->db, commit->model))
        && product_assign_ids(t, db, commit->model, &commit->kept, now.image_version)
        && (commit->env_files != NULL
            || product_schedule_replace(t, db, commit->model, &commit->kept))
        && column_label_replace(t, db, commit->model, &commit->labels, &commit->kept)
        && user_sync(t, db, commit->model)
        && plan_write_entitled(t, db, commit->model, &commit->entitled)
        && compliance_found_all(t, db, &commit->compliance, clock_now_us())
        && (commit->env_files == NULL || plan_write_env(t, db, commit))
        && (commit->row == NULL || plan_write_applied(t, db, commit));
}

static bool plan_write_applied(struct task *t, struct metadb *db, struct plan_commit *commit)
{
    str detail = plan_detail(t, commit);

    return plan_row_applied(t, db, commit->row->id, commit->mesh_version)
        && plan_tell_endings(t, db, commit->model_before, commit->model)
        && outbox_add(t, db, STR("applied"), STR("mesh"), detail, NULL)
        && audit_append(t, db, STR("apply"),
                        commit->row->domain.len ? commit->row->domain : STR("mesh"), STR("done"),
                        plan_change_detail(t, commit), NULL);
}

/* A policy, or who belongs to what. */
static bool plan_touches_policy(struct arena *mem, const struct bundle *before,
                                const struct bundle *after)
{
    struct str_list changed = {0};

    plan_find_changed(mem, before, after, &changed);
    for (size_t i = 0; i < changed.len; i++) {
        if (plan_is_policy(changed.at[i]) || str_ends(changed.at[i], STR("mesh.yaml"))
            || str_ends(changed.at[i], STR("domain.yaml"))) {
            return true;
        }
    }
    return false;
}

/* What the transaction writes beside the files, found before it begins. */
static bool plan_prepare(struct task *t, struct services *s, const struct image *image,
                         struct plan_commit *commit)
{
    struct label_traces traces = {0};
    struct report ignored;

    report_init(&ignored, t->mem);
    if (commit->row != NULL && commit->row->domain.len > 0
        && !str_eq(commit->row->domain, STR(PLAN_POLICIES))) {
        plan_find_unaffected(t, image, commit->model, &commit->kept);
    }
    /* The texts are traced once more: a plan keeps what was asked, not what was made of it. */
    if (!plan_check_sql(t, s->engine, commit->model, &commit->kept, &ignored, &traces, NULL)) {
        return false;
    }
    labels_inherit(t->mem, commit->model, &traces, &commit->kept, &commit->labels);
    if (!plan_read_entitled(t, s, image, commit->model, &commit->entitled)
        || !plan_count_requirements(t, s, commit->model, image, &commit->compliance)) {
        return false;
    }
    if (commit->touches_policy) {
        /* What loosens is prepared, then switched; what takes anything holds at once. */
        gate_prepare_policies(s->gate, &commit->model->policies);
    }
    return true;
}

bool plan_commit_env(struct task *t, struct services *s, const struct plan_env_commit *env)
{
    struct plan_commit commit = {
        .before = env->before,
        .model_before = env->image->model,
        .whole = env->whole,
        .model = env->model,
        .base_version = env->version,
        .ids_of = env->from,
        .env_files = env->files,
        .is_mended = true,
        .follows = env->follows,
    };

    if (!plan_prepare(t, s, env->image, &commit) || !metadb_write(t, s->db, plan_commit, &commit)) {
        return false;
    }
    services_show(s);
    return true;
}

static bool plan_apply_commit(struct task *t, struct services *s, const struct image *image,
                              struct plan_commit *commit, struct plan_applied *out)
{
    if (!plan_prepare(t, s, image, commit) || !metadb_write(t, s->db, plan_commit, commit)) {
        return false;
    }
    *out = (struct plan_applied){.mesh_version = commit->mesh_version,
                                 .is_override = commit->is_override};
    bool ok = fault_pass(t, FAULT_APPLY_AFTER_COMMIT);

    services_show(s);
    return ok;
}

bool plan_apply(struct task *t, struct services *s, str id, struct plan_applied *out)
{
    return plan_apply_of(t, s, NULL, id, out);
}

bool plan_apply_of(struct task *t, struct services *s, struct services *env, str id,
                   struct plan_applied *out)
{
    struct environment_files files;
    struct plan_row *row;
    struct bundle before = {0}, ours = {0}, whole;
    const struct image *image;
    struct report report;
    struct plan_commit commit;
    uint64_t version;
    bool is_override;

    *out = (struct plan_applied){0};
    report_init(&report, t->mem);
    if (!plan_row_find(t, s->db, id, &row)) {
        return false;
    }
    if (row == NULL) {
        return task_fail(t, ERR_NOT_FOUND, "there is no plan %.*s", STR_ARG(id));
    }
    if (row->applied_version > 0) {
        *out = (struct plan_applied){.mesh_version = row->applied_version, .was_applied = true};
        return true;
    }
    if (!plan_load_base(t, s, &before, &image, &version)
        || !plan_row_bundle(t, t->mem, s->db, id, &ours)) {
        return false;
    }
    /* A proposal waits for somebody: what happens elsewhere meanwhile does not undo it, and all is checked again. */
    if (row->policies.len > 0 && str_eq(row->policies, plan_policies_digest(t->mem, &before))) {
        row->base_version = version;
    }
    if (version != row->base_version) {
        task_fail(t, ERR_CONFLICT, "the mesh has changed since this plan was made");
        return task_hint(t, "plan again");
    }
    plan_merge(t->mem, &before, &ours, row->domain, &whole);
    if (!plan_may_change(t, image->model, &before, &whole, &is_override)
        || !plan_four_eyes(t, image, row, &before, &whole, &is_override)
        || !plan_env_allows(t, s, &before, &whole)
        || (row->policies.len > 0 && !plan_recheck(t, s, image, &whole))
        || !document_parse(t, t->mem, &whole, &report)) {
        return false;
    }
    commit = (struct plan_commit){
        .row = row,
        .before = &before,
        .model_before = image->model,
        .whole = &whole,
        .model = plan_model(t, image, &whole, &report),
        .touches_policy = plan_touches_policy(t->mem, &before, &whole),
        .is_override = is_override,
        .base_version = row->base_version,
        .ids_of = env,
    };
    if (s->mesh != NULL) {
        commit.env_files = &files;
        if (!plan_env_files(t, s, row->domain, &whole, &files, &commit.is_mended)) {
            return false;
        }
    }
    if (report.errors > 0) {
        return task_fail(t, ERR_CONFLICT, "the files of this plan are no longer valid: plan again");
    }
    return plan_apply_commit(t, s, image, &commit, out);
}
