#include "release/release_candidate.h"

#include "release/release_inside.h"

bool release_candidate_keep(struct task *t, struct metadb *db,
                            const struct release_manifest *manifest, int64_t made_us, str reads,
                            str requested_by)
{
    CHECK(metadb_is_writer(db));
    uint64_t release_id;
    return release_insert(t, db, manifest, made_us, 0, &release_id)
        && metadb_run(t, db,
                      "INSERT INTO candidate (release_id, base, reads, requested_by) VALUES (?, ?, "
                      "?, ?)",
                      "iiss", release_id, manifest->previous, reads, requested_by);
}

bool release_candidate_find(struct task *t, struct metadb *db, uint64_t product_id,
                            struct release_candidate_list *out)
{
    *out = (struct release_candidate_list){0};
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT r.product_id, c.base, r.run_id, r.compiled_digest, c.reads, "
                      "c.requested_by, r.published_us, r.rows, c.is_tested FROM candidate c JOIN "
                      "release r ON r.id = c.release_id WHERE r.is_kept = 1 AND (?1 = 0 OR "
                      "r.product_id = ?1) ORDER BY r.id",
                      "i", product_id))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, out,
                 ((struct release_candidate){.product_id = metadb_uint(st, 0),
                                             .base = metadb_uint(st, 1),
                                             .run_id = metadb_str(t->mem, st, 2),
                                             .compiled_digest = metadb_str(t->mem, st, 3),
                                             .reads = metadb_str(t->mem, st, 4),
                                             .requested_by = metadb_str(t->mem, st, 5),
                                             .made_us = metadb_int(st, 6),
                                             .rows = metadb_uint(st, 7),
                                             .is_tested = metadb_int(st, 8) != 0}));
    return metadb_end(t, st);
}

struct file_ids {
    VEC_OF(uint64_t)
};

static bool read_files(struct task *t, struct metadb *db, uint64_t product_id, struct file_ids *out)
{
    *out = (struct file_ids){0};
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT DISTINCT f.file_id FROM release r JOIN release_file f ON "
                      "f.release_id = r.id WHERE r.product_id = ? AND r.number = 0",
                      "i", product_id))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, out, metadb_uint(st, 0));
    return metadb_end(t, st);
}

bool release_candidate_forget(struct task *t, struct metadb *db, uint64_t product_id)
{
    static const char *const steps[] = {
        "DELETE FROM candidate WHERE release_id IN (SELECT id FROM release WHERE product_id = ? "
        "AND number = 0)",
        "DELETE FROM release_input WHERE release_id IN (SELECT id FROM release WHERE product_id = "
        "? AND number = 0)",
        "DELETE FROM release_table WHERE release_id IN (SELECT id FROM release WHERE product_id = "
        "? AND number = 0)",
        "DELETE FROM release WHERE product_id = ? AND number = 0",
    };
    CHECK(metadb_is_writer(db));
    struct file_ids files;
    if (!read_files(t, db, product_id, &files))
        return false;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (!metadb_run(t, db, steps[i], "i", product_id))
            return false;
    for (size_t i = 0; i < files.len; i++)
        if (!metadb_run(t, db,
                        "DELETE FROM file WHERE id = ? AND NOT EXISTS (SELECT 1 FROM release_file "
                        "r WHERE r.file_id = file.id)",
                        "i", files.at[i]))
            return false;
    return true;
}

struct judging {
    str run_id;
    const struct release_verdicts *verdicts;
    bool is_last;
};

static bool find_judged(struct task *t, struct metadb *db, str run_id, uint64_t *id_out,
                        uint64_t *position_out)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT c.release_id, (SELECT count(*) FROM candidate_verdict v WHERE "
                      "v.release_id = c.release_id) FROM candidate c JOIN release r ON r.id = "
                      "c.release_id WHERE r.run_id = ? AND r.is_kept = 1",
                      "s", run_id))
        return false;
    bool has_row = metadb_next(t, st);
    *id_out = has_row ? metadb_uint(st, 0) : 0;
    *position_out = has_row ? metadb_uint(st, 1) : 0;
    if (!metadb_end(t, st))
        return false;
    return has_row
        || task_fail(t, ERR_CONFLICT, "the candidate was published or dropped meanwhile");
}

static bool judge(struct task *t, struct metadb *db, void *state)
{
    const struct judging *judging = state;
    uint64_t id, position;
    if (!find_judged(t, db, judging->run_id, &id, &position))
        return false;
    for (size_t i = 0; i < judging->verdicts->len; i++) {
        const struct release_verdict *verdict = &judging->verdicts->at[i];
        if (!metadb_run(t, db, "INSERT INTO candidate_verdict VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        "iissssdS", id, position + i, verdict->consumer, verdict->kind,
                        verdict->name, verdict->verdict, (int)verdict->blocks, verdict->message))
            return false;
    }
    return !judging->is_last
        || metadb_run(t, db, "UPDATE candidate SET is_tested = 1 WHERE release_id = ?", "i", id);
}

bool release_candidate_judge(struct task *t, struct metadb *db, str run_id,
                             const struct release_verdicts *verdicts, bool is_last)
{
    struct judging judging = {run_id, verdicts, is_last};
    return metadb_write(t, db, judge, &judging);
}

bool release_candidate_verdicts(struct task *t, struct metadb *db, uint64_t product_id,
                                struct release_verdicts *out)
{
    *out = (struct release_verdicts){0};
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT v.consumer, v.kind, v.name, v.verdict, v.blocks, v.message FROM "
                      "candidate_verdict v JOIN release r ON r.id = v.release_id WHERE "
                      "r.product_id = ? AND r.is_kept = 1 ORDER BY v.position",
                      "i", product_id))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, out,
                 ((struct release_verdict){.consumer = metadb_str(t->mem, st, 0),
                                           .kind = metadb_str(t->mem, st, 1),
                                           .name = metadb_str(t->mem, st, 2),
                                           .verdict = metadb_str(t->mem, st, 3),
                                           .blocks = metadb_int(st, 4) != 0,
                                           .message = metadb_str(t->mem, st, 5)}));
    return metadb_end(t, st);
}
