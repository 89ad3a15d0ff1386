/* A plan that was made becomes the mesh, in one transaction: files, products with their labels, policies, audit. */
#include "audit/audit.h"
#include "buf/buf.h"
#include "clock/clock.h"
#include "column_label/column_label.h"
#include "document/document.h"
#include "fault/fault.h"
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
        if (!plan_env_files(t, s, image->model, row->domain, &whole, &files, &commit.is_mended)) {
            return false;
        }
    }
    if (report.errors > 0) {
        return task_fail(t, ERR_CONFLICT, "the files of this plan are no longer valid: plan again");
    }
    return plan_apply_commit(t, s, image, &commit, out);
}
