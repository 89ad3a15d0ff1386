#include "audit/audit.h"
#include "buf/buf.h"
#include "clock/clock.h"
#include "environment/environment.h"
#include "fault/fault.h"
#include "image/images.h"
#include "limits/limits.h"
#include "mesh_state/mesh_state.h"
#include "outbox/outbox.h"
#include "release/release.h"
#include "release/release_candidate.h"
#include "run_inside.h"
#include "run_row/run_row.h"

/* A file, and what is known of its rows. */
static bool run_store_part(struct task *t, struct run *r, const struct run_table *table,
                           const struct run_part *part, struct image_table *out)
{
    struct stored_file stored;
    struct image_file *file;

    if (!store_publish(t, r->services->store, part->path, &stored)) {
        return false;
    }
    file = vec_add(t->mem, &out->files);
    file->sha256 = stored.sha256;
    file->rows = part->rows;
    file->bytes = stored.bytes;
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct check_fact *fact = &part->facts[i];
        vec_push(t->mem, &file->columns, table->columns.at[i].id);
        vec_push(t->mem, &file->facts,
                 ((struct image_fact){.column_id = fact->column_id,
                                      .has_range = fact->has_range,
                                      .low = fact->low,
                                      .high = fact->high,
                                      .nulls = fact->nulls,
                                      .has_values = fact->has_values,
                                      .values = fact->values}));
    }
    return true;
}

/* A file of before, with the rows that are deleted by now. */
static bool run_store_kept(struct task *t, struct run *r, const struct run_kept *kept,
                           struct image_table *out)
{
    struct image_file *file = vec_add(t->mem, &out->files);
    struct stored_file stored;

    *file = *kept->file;
    file->deleted = kept->deleted;
    if (!kept->is_new) {
        return true;
    }
    if (!store_publish(t, r->services->store, kept->deletions, &stored)) {
        return false;
    }
    file->deletions = stored.sha256;
    return true;
}

static bool run_store_table(struct task *t, struct run *r, const struct run_table *table,
                            struct image_table *out)
{
    *out = *table->table;
    out->rows = run_table_rows(table);
    out->files.at = NULL;
    out->files.len = out->files.cap = 0;
    out->columns.at = NULL;
    out->columns.len = out->columns.cap = 0;
    for (size_t i = 0; i < table->columns.len; i++) {
        vec_push(t->mem, &out->columns, table->table->columns.at[i]);
        out->columns.at[i].type = table->columns.at[i].type;
    }
    for (size_t i = 0; table->increment != NULL && i < table->increment->kept.len; i++) {
        if (!run_store_kept(t, r, &table->increment->kept.at[i], out)) {
            return false;
        }
    }
    for (size_t i = 0; i < table->parts.len; i++) {
        run_progress(t, r, "publish", table->name, (int)(i * 1000 / table->parts.len));
        if (!run_store_part(t, r, table, &table->parts.at[i], out)) {
            return false;
        }
    }
    return true;
}

static void run_manifest_inputs(struct task *t, const struct run *r, struct release_manifest *out)
{
    for (size_t i = 0; i < r->inputs.len; i++) {
        const struct run_input *input = &r->inputs.at[i];
        struct release_input *row = vec_add(t->mem, &out->inputs);

        row->name = input->input->name;
        if (input->producer != NULL) {
            row->product_id = input->producer->id;
            row->number = input->producer->release.number;
        } else {
            row->description =
                arena_format(t->mem, "%.*s %.*s", STR_ARG(input->input->contract->id),
                             STR_ARG(input->input->contract->version));
        }
    }
}

/* What is replayed was made as the rows were that it comes to. */
static bool run_describe_origin(struct task *t, const struct run *r, struct release_manifest *out)
{
    struct metadb *db = r->services->db;
    uint64_t number = r->target->release.number;

    if (r->is_replay) {
        return release_inputs(t, db, r->target->id, number, &out->inputs)
            && release_read_edges(t, db, r->target->id, number, &out->edges);
    }
    run_manifest_inputs(t, r, out);
    run_edges(t, r, &out->edges);
    return true;
}

struct run_commit {
    struct run *r;
    struct release_manifest manifest;
    struct run_entitled entitled;
    uint64_t rows;
    str reads; /* of a candidate, or in an environment: what its product could see of its inputs */
};

/* What the product is may have changed while it ran: a release of what it was would not keep what it promises now. */
static bool run_is_same(struct task *t, struct metadb *db, const struct run *r,
                        const struct release_manifest *manifest)
{
    const struct image *now = image_pin(t, r->services->images);
    const struct model_domain *domain = r->target->definition->domain;
    const struct image_product *product =
        image_find_product(now, domain->name, r->target->definition->name);
    struct mesh_state state;

    if (!mesh_state_get(t, db, &state)) {
        return false;
    }
    /* An apply that is committed, or in this very group, and not in the image yet, may be of this product. */
    if (state.mesh_version == now->mesh_version && product != NULL && product->id == r->target->id
        && str_eq(release_digest(t->mem, product->definition), manifest->compiled_digest)) {
        return true;
    }
    task_fail(t, ERR_CONFLICT, "%.*s was changed by an apply while it ran", STR_ARG(r->product));
    return task_hint(t, "run it again");
}

/* What is told of the release, with the hash that `weft verify` holds it against. */
static bool run_seal(struct task *t, struct metadb *db, const struct run *r, str told, str *out)
{
    str seal;

    if (!release_seal(t, db, r->target->id, r->release, &seal)) {
        return false;
    }
    *out = arena_format(t->mem, "%.*s,\"seal\":\"%.*s\"}", STR_ARG(str_sub(told, 0, told.len - 1)),
                        STR_ARG(seal));
    return true;
}

static bool run_commit_release(struct task *t, struct metadb *db, void *state)
{
    struct run_commit *commit = state;
    struct run *r = commit->r;
    struct buf *payload = buf_new(t->mem, DOCUMENT_BYTES_MAX);

    /* What was withdrawn while it ran is not published: not even when nobody has noticed yet. */
    if (!gate_still_holds(t, r->services->gate) || !run_is_same(t, db, r, &commit->manifest)
        || !release_publish(t, db, &commit->manifest, clock_now_us(), &r->release)
        || !environment_saw(t, db, r->target->id, r->release, commit->reads)
        || !run_write_entitled(t, db, r, &commit->entitled)) {
        return false;
    }
    buf_add(payload, STR("{\"product\":"));
    buf_add_json(payload, r->product);
    buf_format(payload, ",\"release\":%llu,\"run\":\"%.*s\",\"rows\":%llu,\"quarantined\":%llu%s}",
               (unsigned long long)r->release, STR_ARG(r->id), (unsigned long long)commit->rows,
               (unsigned long long)run_diverted_rows(r), r->is_replay ? ",\"replay\":true" : "");
    str detail = STR_NONE;
    if (!run_seal(t, db, r, buf_str(payload), &detail)) {
        return false;
    }
    metadb_pass_before_commit(db, FAULT_PUBLISH_BEFORE_COMMIT);
    return run_write_quarantine(t, db, r) && run_write_checks(t, db, r)
        && run_write_schedules(t, db, r)
        && compliance_found(t, db, &r->required.compliance, clock_now_us())
        && run_row_end(t, db, r->id, RUN_PUBLISHED, STR_NONE, commit->rows, r->release)
        && outbox_add(t, db, STR("released"), r->product, buf_str(payload), NULL)
        && audit_append(t, db, STR("publish"), r->product, STR("done"), detail, NULL);
}

static bool run_is_added_to(const struct run *r)
{
    for (size_t i = 0; i < r->increments.len; i++) {
        if (r->increments.at[i].why_full.len == 0) {
            return true;
        }
    }
    return r->is_replay;
}

/* Moves the files to where they stay. */
static bool run_store(struct task *t, struct run *r, struct run_commit *commit)
{
    if (!run_enter(t, r, RUN_PUBLISHING, STR("publish"))) {
        return false;
    }
    commit->manifest = (struct release_manifest){
        .product_id = r->target->id,
        .previous = r->target->release.number,
        .run_id = r->id,
        .contracts = release_contracts(t->mem, r->target->definition),
        .compiled_digest = release_digest(t->mem, r->target->definition),
        .basis = r->basis,
        .sql_digest = r->target->digest,
        .is_added_to = run_is_added_to(r),
    };
    if (!run_describe_origin(t, r, &commit->manifest) || !run_basis_holds(t, r)) {
        return false;
    }
    for (size_t i = 0; i < r->outputs.len; i++) {
        if (!run_store_table(t, r, &r->outputs.at[i], vec_add(t->mem, &commit->manifest.tables))) {
            return false;
        }
        commit->rows += run_table_rows(&r->outputs.at[i]);
    }
    return true;
}

/* What was read still holds at the COMMIT: so it is no more than what these policies show. */
static void run_look(struct task *t, struct run *r, struct run_commit *commit)
{
    struct gate_scope scope = {.product = r->target};

    run_scope_inputs(t, r, &scope);
    commit->reads = gate_seen(t, r->services->gate, image_pin(t, r->services->images), &scope);
}

bool run_publish(struct task *t, struct run *r)
{
    struct run_commit commit = {.r = r};

    if (!run_read_entitled(t, r, &commit.entitled) || !run_store(t, r, &commit)) {
        return false;
    }
    if (!run_store_diverted(t, r)) {
        return false;
    }
    /* Rows that come of a quarantine are still in that of the mesh: such a release is none of its inputs alone. */
    if (r->services->mesh != NULL && !r->is_replay && r->reread.len == 0) {
        run_look(t, r, &commit);
    }
    /* The first query of those who read it lately finds it ready. */
    gate_prepare_release(r->services->gate, commit.manifest.tables.at, commit.manifest.tables.len);
    if (!metadb_write(t, r->services->db, run_commit_release, &commit)) {
        return false;
    }
    bool ok = fault_pass(t, FAULT_PUBLISH_AFTER_COMMIT);
    /* It is committed, whatever happens from here: so it becomes visible. */
    return images_refresh(t, r->services->images) && ok;
}

/* ---- candidates */

static bool run_forget_candidate(struct task *t, struct metadb *db, uint64_t product_id)
{
    struct release_candidate_list before;

    if (!release_candidate_find(t, db, product_id, &before)) {
        return false;
    }
    for (size_t i = 0; i < before.len; i++) {
        if (!run_row_settle(t, db, before.at[i].run_id, 0)) {
            return false;
        }
    }
    return release_candidate_forget(t, db, product_id);
}

static bool run_commit_candidate(struct task *t, struct metadb *db, void *state)
{
    struct run_commit *commit = state;
    struct run *r = commit->r;
    str detail =
        arena_format(t->mem, "{\"run\":\"%.*s\",\"base\":%llu,\"rows\":%llu,\"quarantined\":%llu}",
                     STR_ARG(r->id), (unsigned long long)commit->manifest.previous,
                     (unsigned long long)commit->rows, (unsigned long long)run_diverted_rows(r));

    if (!gate_still_holds(t, r->services->gate) || !run_is_same(t, db, r, &commit->manifest)
        || !run_forget_candidate(t, db, r->target->id)
        || !release_candidate_keep(t, db, &commit->manifest, clock_now_us(), commit->reads,
                                   t->actor->name)) {
        return false;
    }
    metadb_pass_before_commit(db, FAULT_CANDIDATE_BEFORE_COMMIT);
    return run_write_quarantine(t, db, r) && run_write_checks(t, db, r)
        && run_row_end(t, db, r->id, RUN_CANDIDATE, STR_NONE, commit->rows, 0)
        && audit_append(t, db, STR("candidate"), r->product, STR("done"), detail, NULL);
}

bool run_hold(struct task *t, struct run *r)
{
    struct run_commit commit = {.r = r};

    run_look(t, r, &commit);
    return run_store(t, r, &commit) && run_store_diverted(t, r)
        && metadb_write(t, r->services->db, run_commit_candidate, &commit)
        && fault_pass(t, FAULT_CANDIDATE_AFTER_COMMIT);
}
