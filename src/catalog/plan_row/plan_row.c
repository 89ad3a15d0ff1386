#include "plan_row/plan_row.h"

#include "clock/clock.h"
#include "document/document.h"

struct new_plan {
    const struct plan_row *row;
    const struct bundle *bundle;
};

static bool insert(struct task *t, struct metadb *db, void *state)
{
    const struct new_plan *plan = state;
    const struct plan_row *row = plan->row;
    if (!metadb_run(
            t, db,
            "INSERT INTO plan (id, base_version, domain, digest, summary, actor, created_us) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            "siSsssi", row->id, row->base_version, row->domain, row->digest, row->summary,
            row->actor, row->created_us != 0 ? row->created_us : clock_now_us()))
        return false;
    uint64_t sequence = metadb_last_id(db);
    if (row->policies.len > 0
        && !metadb_run(t, db, "INSERT INTO proposal VALUES (?, ?)", "is", sequence, row->policies))
        return false;
    for (size_t i = 0; i < plan->bundle->len; i++) {
        const struct bundle_file *file = &plan->bundle->at[i];
        str sha256;
        if (!document_keep_content(t, db, file->text, &sha256)
            || !metadb_run(t, db, "INSERT INTO plan_document VALUES (?, ?, ?)", "iss", sequence,
                           file->path, sha256))
            return false;
    }
    return true;
}

bool plan_row_insert(struct task *t, struct metadb *db, const struct plan_row *row,
                     const struct bundle *bundle)
{
    return metadb_write(t, db, insert, &(struct new_plan){row, bundle});
}

#define PLAN_COLUMNS                                                                               \
    "SELECT id, base_version, domain, digest, summary, actor, created_us, applied_version, "       \
    "policies FROM plan LEFT JOIN proposal ON proposal.plan = plan.sequence "

static struct plan_row *take(struct arena *mem, struct metadb_statement *st)
{
    struct plan_row *row = ARENA_NEW(mem, struct plan_row);
    *row = (struct plan_row){.id = metadb_str(mem, st, 0),
                             .base_version = metadb_uint(st, 1),
                             .domain = metadb_str(mem, st, 2),
                             .digest = metadb_str(mem, st, 3),
                             .summary = metadb_str(mem, st, 4),
                             .actor = metadb_str(mem, st, 5),
                             .created_us = metadb_int(st, 6),
                             .applied_version = metadb_uint(st, 7),
                             .policies = metadb_str(mem, st, 8)};
    return row;
}

bool plan_row_find(struct task *t, struct metadb *db, str id, struct plan_row **out)
{
    *out = NULL;
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st, PLAN_COLUMNS "WHERE id = ?", "s", id))
        return false;
    if (metadb_next(t, st))
        *out = take(t->mem, st);
    return metadb_end(t, st);
}

bool plan_row_proposals(struct task *t, struct metadb *db, struct plan_row_list *out)
{
    *out = (struct plan_row_list){0};
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      PLAN_COLUMNS "WHERE policies IS NOT NULL AND applied_version IS NULL "
                                   "ORDER BY sequence DESC",
                      ""))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, out, take(t->mem, st));
    return metadb_end(t, st);
}

bool plan_row_bundle(struct task *t, struct arena *mem, struct metadb *db, str id,
                     struct bundle *out)
{
    *out = (struct bundle){0};
    struct metadb_statement *st;
    if (!metadb_query(
            t, db, &st,
            "SELECT d.path, c.text FROM plan p JOIN plan_document d ON d.plan = p.sequence "
            "JOIN content c USING (sha256) WHERE p.id = ? ORDER BY d.path",
            "s", id))
        return false;
    while (metadb_next(t, st))
        vec_push(
            mem, out,
            ((struct bundle_file){.path = metadb_str(mem, st, 0), .text = metadb_str(mem, st, 1)}));
    return metadb_end(t, st);
}

bool plan_row_applied(struct task *t, struct metadb *db, str id, uint64_t mesh_version)
{
    CHECK(metadb_is_writer(db));
    if (!metadb_run(t, db,
                    "UPDATE plan SET applied_version = ? WHERE id = ? AND applied_version IS NULL",
                    "is", mesh_version, id))
        return false;
    return metadb_changes(db) == 1
        || task_fail(t, ERR_CONFLICT, "plan " STR_FMT " was applied before", STR_ARG(id));
}

static bool sweep(struct task *t, struct metadb *db, void *state)
{
    const int64_t *before_us = state;
    int64_t proposals_us = *before_us - (int64_t)PLAN_PROPOSAL_DAYS * 24 * 3600 * 1000000;
    return metadb_run(t, db,
                      "DELETE FROM plan WHERE created_us < ? AND (created_us < ? OR "
                      "applied_version IS NOT NULL OR sequence NOT IN (SELECT plan FROM proposal))",
                      "ii", *before_us, proposals_us)
        && document_sweep(t, db);
}

bool plan_row_sweep(struct task *t, struct metadb *db, int64_t before_us)
{
    return metadb_write(t, db, sweep, &before_us);
}
