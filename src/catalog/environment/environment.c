#include "environment/environment.h"

#include "clock/clock.h"
#include "limits/limits.h"

/* Far from what the mesh counts to, and few enough for numbers of JSON and for ids of columns in files. */
enum { ENVIRONMENT_ID_BITS = 51, ENVIRONMENT_COLUMN_BITS = 29 };

bool environment_is_name(str name)
{
    if (name.len == 0 || name.len > NAME_BYTES_MAX || name.ptr[0] < 'a' || name.ptr[0] > 'z')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

bool environment_find(struct task *t, struct metadb *db, struct environment *out, bool *found_out)
{
    struct metadb_statement *st;
    *out = (struct environment){0};
    if (!metadb_query(t, db, &st,
                      "SELECT name, created_by, created_us, mesh_version, problem FROM environment",
                      ""))
        return false;
    *found_out = metadb_next(t, st);
    if (*found_out)
        *out = (struct environment){.name = metadb_str(t->mem, st, 0),
                                    .created_by = metadb_str(t->mem, st, 1),
                                    .created_us = metadb_int(st, 2),
                                    .mesh_version = metadb_uint(st, 3),
                                    .problem = metadb_str(t->mem, st, 4)};
    return metadb_end(t, st);
}

bool environment_is(struct task *t, struct metadb *db, bool *out)
{
    return metadb_has(t, db, out, "SELECT 1 FROM environment", "");
}

bool environment_files(struct task *t, struct metadb *db, struct environment_files *out)
{
    struct metadb_statement *st;
    *out = (struct environment_files){0};
    if (!metadb_query(t, db, &st,
                      "SELECT path, text, base, changed_by, changed_us FROM environment_file "
                      "ORDER BY path",
                      ""))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, out,
                 ((struct environment_file){.path = metadb_str(t->mem, st, 0),
                                            .text = metadb_str(t->mem, st, 1),
                                            .is_removed = metadb_is_null(st, 1),
                                            .base = metadb_str(t->mem, st, 2),
                                            .changed_by = metadb_str(t->mem, st, 3),
                                            .changed_us = metadb_int(st, 4)}));
    return metadb_end(t, st);
}

bool environment_releases(struct task *t, struct metadb *db, struct environment_releases *out)
{
    struct metadb_statement *st;
    *out = (struct environment_releases){0};
    if (!metadb_query(t, db, &st,
                      "SELECT p.address, p.id, r.number, e.base, r.run_id, r.compiled_digest, "
                      "e.seen FROM environment_release e JOIN release r ON r.id = e.release_id "
                      "JOIN product p ON p.id = r.product_id AND p.release = r.number WHERE "
                      "p.removed = 0 ORDER BY p.address",
                      ""))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, out,
                 ((struct environment_release){.product = metadb_str(t->mem, st, 0),
                                               .product_id = metadb_uint(st, 1),
                                               .number = metadb_uint(st, 2),
                                               .base = metadb_uint(st, 3),
                                               .run_id = metadb_str(t->mem, st, 4),
                                               .compiled_digest = metadb_str(t->mem, st, 5),
                                               .seen = metadb_str(t->mem, st, 6)}));
    return metadb_end(t, st);
}

bool environment_has_made(struct task *t, struct metadb *db, uint64_t product_id, uint64_t number,
                          bool *out)
{
    return metadb_has(t, db, out,
                      "SELECT 1 FROM environment_release e JOIN release r ON r.id = e.release_id "
                      "WHERE r.product_id = ? AND r.number = ?",
                      "ii", product_id, number);
}

bool environment_mesh_release(struct task *t, struct metadb *db, uint64_t product_id,
                              uint64_t *number_out)
{
    return metadb_find_uint(
        t, db, number_out,
        "SELECT coalesce(max(number), 0) FROM release WHERE product_id = ? AND NOT "
        "EXISTS (SELECT 1 FROM environment_release e WHERE e.release_id = release.id)",
        "i", product_id);
}

/* ---- changes */

bool environment_begin(struct task *t, struct metadb *db, const struct environment *env)
{
    CHECK(metadb_is_writer(db));
    /* Rows of an audit are never removed, save here: this one goes on where it is, and the copy gets one of its own. */
    return metadb_script(
               t, db,
               "DELETE FROM query;"
               "DELETE FROM job;"
               "DELETE FROM outbox;"
               "DELETE FROM plan;"
               "DELETE FROM token;"
               "DELETE FROM environment_audit;"
               "DELETE FROM candidate;"
               "DELETE FROM product_schedule;"
               "DELETE FROM release_input WHERE release_id IN (SELECT id FROM release WHERE "
               "number = 0);"
               "DELETE FROM release_table WHERE release_id IN (SELECT id FROM release WHERE "
               "number = 0);"
               "DELETE FROM release WHERE number = 0;"
               "DELETE FROM check_result WHERE run_id IN (SELECT id FROM run WHERE ended_us IS "
               "NULL);"
               "DELETE FROM run WHERE ended_us IS NULL;"
               "DROP TRIGGER audit_is_not_removed;"
               "DELETE FROM audit;"
               "CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit BEGIN "
               "SELECT RAISE(ABORT, 'audit rows are never removed'); END;")
        && metadb_run(t, db, "INSERT INTO environment VALUES (1, ?, ?, ?, ?, ?)", "ssiiS",
                      env->name, env->created_by, env->created_us, env->mesh_version, env->problem);
}

bool environment_set(struct task *t, struct metadb *db, uint64_t mesh_version, str problem)
{
    CHECK(metadb_is_writer(db));
    return metadb_run(t, db, "UPDATE environment SET mesh_version = ?, problem = ?", "iS",
                      mesh_version, problem);
}

static const struct environment_file *find_file(const struct environment_files *files, str path)
{
    for (size_t i = 0; i < files->len; i++)
        if (str_eq(files->at[i].path, path))
            return &files->at[i];
    return NULL;
}

static bool put_file(struct task *t, struct metadb *db, const struct environment_file *file)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st, "INSERT INTO environment_file VALUES (?, ?, ?, ?, ?)", "snSsi",
                      file->path, file->base, file->changed_by, file->changed_us))
        return false;
    if (!file->is_removed)
        metadb_bind_str(st, 2, file->text);
    return metadb_run_prepared(t, st) && metadb_end(t, st);
}

bool environment_set_files(struct task *t, struct metadb *db, const struct environment_files *files)
{
    CHECK(metadb_is_writer(db));
    struct environment_files before;
    if (!environment_files(t, db, &before)
        || !metadb_run(t, db, "DELETE FROM environment_file", ""))
        return false;
    for (size_t i = 0; i < files->len; i++) {
        const struct environment_file *file = &files->at[i];
        const struct environment_file *old = find_file(&before, file->path);
        struct environment_file row = *file;
        if (old != NULL && old->is_removed == file->is_removed && str_eq(old->text, file->text)) {
            row.changed_by = old->changed_by;
            row.changed_us = old->changed_us;
        }
        if (!put_file(t, db, &row))
            return false;
    }
    return true;
}

bool environment_made(struct task *t, struct metadb *db, uint64_t release_id, uint64_t product_id,
                      uint64_t continued)
{
    bool is_environment;
    uint64_t base;
    if (!environment_is(t, db, &is_environment))
        return false;
    if (!is_environment)
        return true;
    /* The row is there already: it is none of the mesh's. */
    return metadb_run(t, db, "INSERT INTO environment_release VALUES (?, 0, NULL)", "i", release_id)
        && environment_mesh_release(t, db, product_id, &base)
        && metadb_run(t, db,
                      "UPDATE environment_release SET base = coalesce((SELECT e.base FROM "
                      "environment_release e JOIN release r ON r.id = e.release_id WHERE "
                      "r.product_id = ?3 AND r.number = ?4 AND ?4 > 0), ?1) WHERE release_id = ?2",
                      "iiii", base, release_id, product_id, continued);
}

bool environment_saw(struct task *t, struct metadb *db, uint64_t product_id, uint64_t number,
                     str seen)
{
    return metadb_run(t, db,
                      "UPDATE environment_release SET seen = ? WHERE release_id = (SELECT id FROM "
                      "release WHERE product_id = ? AND number = ?)",
                      "Sii", seen, product_id, number);
}

bool environment_carried(struct task *t, struct metadb *db, uint64_t product_id, uint64_t number,
                         const struct environment_release *as)
{
    return metadb_run(t, db,
                      "UPDATE environment_release SET base = ?, seen = ? WHERE release_id = "
                      "(SELECT id FROM release WHERE product_id = ? AND number = ?)",
                      "iSii", as->base, as->seen, product_id, number);
}

/* ---- ids */

uint64_t environment_new_id(void)
{
    uint64_t id;
    clock_random(&id, sizeof id);
    return (id & ((1ULL << ENVIRONMENT_ID_BITS) - 1)) | 1ULL << ENVIRONMENT_ID_BITS;
}

uint32_t environment_new_column_id(void)
{
    uint32_t id;
    clock_random(&id, sizeof id);
    return (id & ((1U << ENVIRONMENT_COLUMN_BITS) - 1)) | 1U << ENVIRONMENT_COLUMN_BITS;
}
