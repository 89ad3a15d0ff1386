#include "rollback/rollback.h"

#include "audit/audit.h"
#include "buf/buf.h"
#include "clock/clock.h"
#include "entitlement/entitlement.h"
#include "fault/fault.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "mesh_state/mesh_state.h"
#include "outbox/outbox.h"
#include "rollback_inside.h"

static bool rollback_begin(struct task *t, struct rollback *r);
static bool rollback_publish(struct task *t, struct rollback *r);

/* The walk reads as a table. */
/* clang-format off */
bool rollback_release(struct task *t, struct rollback *r)
{
    return rollback_begin(t, r)          /* who may, which release, whether it is kept                */
        && rollback_fits(t, r)           /* today's contract and labels                               */
        && rollback_require(t, r)        /* requirements of the mesh, with this release               */
        && rollback_entitle(t, r)        /* who was entitled to what by its rows                      */
        && rollback_describe(t, r)       /* the manifest of a new release, of the files of that one   */
        && rollback_publish(t, r);       /* ONE metadata transaction                                  */
}

bool rollback_publish_candidate(struct task *t, struct rollback *r)
{
    return rollback_demand(t, r)
        && rollback_find_candidate(t, r) /* follows the current release, sees what it saw, was tried  */
        && rollback_load(t, r)
        && rollback_fits(t, r)
        && rollback_require(t, r)
        && rollback_entitle(t, r)
        && rollback_describe(t, r)
        && rollback_publish(t, r);
}
/* clang-format on */

bool rollback_demand(struct task *t, struct rollback *r)
{
    r->image = image_pin(t, r->services->images);
    if (!services_demand_run(t, r->image, r->product, &r->target)) {
        return false;
    }
    if (str_eq(r->target->definition->status, STR("retired"))) {
        return task_fail(t, ERR_REFUSED, "product %.*s is retired", STR_ARG(r->product));
    }
    r->replaced = r->target->release.number;
    return true;
}

static bool rollback_begin(struct task *t, struct rollback *r)
{
    CHECK(r->number > 0);
    if (!rollback_demand(t, r)) {
        return false;
    }
    if (r->number == r->replaced) {
        return task_fail(t, ERR_CONFLICT, "release %llu of %.*s is the current one",
                         (unsigned long long)r->number, STR_ARG(r->product));
    }
    return rollback_load(t, r);
}

bool rollback_load(struct task *t, struct rollback *r)
{
    struct metadb *db = r->from != NULL ? r->from->db : r->services->db;
    bool found;

    if (!release_get(t, db, r->target->id, r->number, &r->row, &found)
        || (found
            && !(r->number > 0 ? release_load(t, db, r->target, r->number, &r->past)
                               : release_load_candidate(t, db, r->target, &r->past)))) {
        return false;
    }
    if (r->past == NULL) {
        task_fail(t, ERR_NOT_FOUND, "release %llu of %.*s %s", (unsigned long long)r->number,
                  STR_ARG(r->product), found ? "is no longer kept" : "does not exist");
        return task_hint(t, "weft show %.*s lists its releases", STR_ARG(r->product));
    }
    return release_read_edges(t, db, r->target->id, r->number, &r->edges);
}

bool rollback_require(struct task *t, struct rollback *r)
{
    r->required = (struct require_release){.engine = r->services->engine,
                                           .db = r->services->db,
                                           .image = r->image,
                                           .target = r->target};
    if (!require_release(t, &r->required)) {
        return false;
    }
    for (size_t i = 0; i < r->required.verdicts.len; i++) {
        const struct require_verdict *of = &r->required.verdicts.at[i];

        if (!of->policy->is_warning && of->verdict != VERDICT_PASS) {
            task_fail(t, ERR_CHECK_FAILED, "requirement %.*s is not met: %.*s",
                      STR_ARG(of->policy->id), STR_ARG(of->message));
            return task_detail(t, "%.*s", STR_ARG(of->found));
        }
    }
    return true;
}

static const struct image_table *find_past(const struct rollback *r, str address)
{
    for (size_t i = 0; i < r->past->tables.len; i++) {
        const struct image_table *table = &r->past->tables.at[i];

        if (address.len == r->product.len + 1 + table->name.len && str_starts(address, r->product)
            && address.ptr[r->product.len] == '.' && str_ends(address, table->name)) {
            return table;
        }
    }
    return NULL;
}

bool rollback_entitle(struct task *t, struct rollback *r)
{
    const struct policies *policies = &r->image->model->policies;

    for (size_t i = 0; i < policies->entitlements.len; i++) {
        const struct image_table *table = find_past(r, policies->entitlements.at[i].table);
        struct job_columns columns = {0};
        struct str_list paths = {0}, deletions = {0};

        if (table == NULL) {
            continue;
        }
        struct policy_entitlement *set = vec_add(t->mem, &r->entitled);
        *set = policies->entitlements.at[i];
        for (size_t k = 0; k < table->columns.len; k++) {
            const struct image_column *column = &table->columns.at[k];
            vec_push(t->mem, &columns,
                     ((struct job_column){
                         .id = column->id, .name = column->name, .type = column->type}));
        }
        for (size_t k = 0; k < table->files.len; k++) {
            vec_push(t->mem, &paths,
                     store_file_path(t, r->services->store, table->files.at[k].sha256));
            vec_push(t->mem, &deletions,
                     table->files.at[k].deletions.len
                         ? store_file_path(t, r->services->store, table->files.at[k].deletions)
                         : STR_NONE);
        }
        if (!gate_read_entitled(t, r->services->gate, &columns, &paths, &deletions, set)) {
            return false;
        }
    }
    return true;
}

/* Tables go by the names and columns of today, and have the files of then. */
bool rollback_describe(struct task *t, struct rollback *r)
{
    struct release_manifest *manifest = &r->manifest;
    struct metadb *db = r->from != NULL ? r->from->db : r->services->db;

    *manifest = (struct release_manifest){.product_id = r->target->id,
                                          .previous = r->replaced,
                                          .run_id = r->row.run_id,
                                          .contracts = r->row.contracts,
                                          .compiled_digest = r->row.compiled_digest,
                                          .restores = r->from != NULL ? 0 : r->number,
                                          .edges = r->edges};
    for (size_t i = 0; i < r->target->tables.len; i++) {
        struct image_table *table = vec_add(t->mem, &manifest->tables);
        const struct image_table *then = NULL;

        *table = r->target->tables.at[i];
        memset(&table->columns, 0, sizeof(table->columns));
        for (size_t k = 0; k < r->target->tables.at[i].columns.len; k++) {
            vec_push(t->mem, &table->columns, r->target->tables.at[i].columns.at[k]);
            table->columns.at[k].type = table->columns.at[k].contract->type;
        }
        for (size_t k = 0; k < r->past->tables.len; k++) {
            then = r->past->tables.at[k].id == table->id ? &r->past->tables.at[k] : then;
        }
        CHECK(then != NULL);
        memcpy(&table->files, &then->files, sizeof(table->files));
        table->rows = then->rows;
        r->rows += then->rows;
    }
    /* Runs go on from what is there again. */
    if (!release_basis(t, db, r->target->id, r->number, &manifest->basis)) {
        return false;
    }
    manifest->is_added_to = manifest->basis.len > 0;
    return release_inputs(t, db, r->target->id, r->number, &manifest->inputs);
}

/* What was judged is what is committed: no apply and no removal of the old release came between. */
static bool rollback_is_same(struct task *t, struct metadb *db, const struct rollback *r)
{
    struct mesh_state state;
    struct release_row row;
    bool found;

    if (!mesh_state_get(t, db, &state)
        || !release_get(t, db, r->target->id, r->number, &row, &found)) {
        return false;
    }
    if (state.mesh_version == r->image->mesh_version && found && row.is_kept) {
        return true;
    }
    task_fail(t, ERR_CONFLICT, "%.*s was changed meanwhile", STR_ARG(r->product));
    return task_hint(t, "try it again");
}

static str rollback_event(struct task *t, const struct rollback *r, bool is_audit, str seal)
{
    struct json_out o = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};

    json_out_begin(&o, "", '{');
    json_out_str(&o, "product", r->product);
    json_out_uint(&o, "release", r->release);
    if (r->number > 0) {
        json_out_uint(&o, "restores", r->number);
    } else {
        json_out_str(&o, "run", r->candidate.run_id);
    }
    json_out_uint(&o, "replaces", r->replaced);
    json_out_uint(&o, "rows", r->rows);
    if (is_audit) {
        json_out_maybe(&o, "reason", r->reason);
        if (r->is_forced) {
            json_out_bool(&o, "forced", true);
        }
        json_out_str(&o, "seal", seal);
    }
    json_out_end(&o, '}');
    return buf_str(o.b);
}

bool rollback_write_entitled(struct task *t, struct metadb *db, struct rollback *r)
{
    for (size_t i = 0; i < r->entitled.len; i++) {
        r->entitled.at[i].version = r->release;
        if (!entitlement_replace(t, db, &r->entitled.at[i])) {
            return false;
        }
    }
    return r->entitled.len == 0 || mesh_state_touch_policy(t, db);
}

static bool rollback_commit(struct task *t, struct metadb *db, void *state)
{
    struct rollback *r = state;

    if (!rollback_is_same(t, db, r)
        || !release_publish(t, db, &r->manifest, clock_now_us(), &r->release)
        || (r->number == 0 && !rollback_settle_candidate(t, db, r))) {
        return false;
    }
    str seal;

    if (!rollback_write_entitled(t, db, r)) {
        return false;
    }
    if (!release_seal(t, db, r->target->id, r->release, &seal)) {
        return false;
    }
    metadb_pass_before_commit(db, FAULT_ROLLBACK_BEFORE_COMMIT);
    return compliance_found(t, db, &r->required.compliance, clock_now_us())
        && outbox_add(t, db, STR("released"), r->product, rollback_event(t, r, false, STR_NONE),
                      NULL)
        && audit_append(t, db, r->number > 0 ? STR("rollback") : STR("publish"), r->product,
                        STR("done"), rollback_event(t, r, true, seal), NULL);
}

static bool rollback_publish(struct task *t, struct rollback *r)
{
    /* As of a run: the first query of those who read it lately finds it ready. An earlier release comes back at once. */
    if (r->number == 0) {
        gate_prepare_release(r->services->gate, r->manifest.tables.at, r->manifest.tables.len);
    }
    if (!metadb_write(t, r->services->db, rollback_commit, r)) {
        return false;
    }
    bool ok = fault_pass(t, FAULT_ROLLBACK_AFTER_COMMIT);
    /* It is committed, whatever happens from here: so it becomes visible. */
    services_show(r->services);
    return ok;
}
