#include "release/release.h"

#include "buf/buf.h"
#include "column_label/column_label.h"
#include "environment/environment.h"
#include "image/images.h"
#include "mesh_state/mesh_state.h"
#include "release/release_inside.h"

static bool move_on(struct task *t, struct metadb *db, const struct release_manifest *manifest,
                    uint64_t *number_out);
static bool insert_release(struct task *t, struct metadb *db,
                           const struct release_manifest *manifest, int64_t published_us,
                           uint64_t number, uint64_t *id_out);
static bool insert_table(struct task *t, struct metadb *db, uint64_t release_id,
                         const struct release_manifest *manifest, const struct image_table *table);
static bool insert_column(struct task *t, struct metadb *db, uint64_t release_id,
                          const struct image_table *table, size_t position);
static bool insert_file(struct task *t, struct metadb *db, uint64_t release_id,
                        const struct image_table *table, size_t part);
static bool insert_inputs(struct task *t, struct metadb *db, uint64_t release_id,
                          const struct release_inputs *inputs);

bool release_publish(struct task *t, struct metadb *db, const struct release_manifest *manifest,
                     int64_t published_us, uint64_t *number_out)
{
    CHECK(metadb_is_writer(db));
    uint64_t release_id;
    return move_on(t, db, manifest, number_out)
        && release_insert(t, db, manifest, published_us, *number_out, &release_id)
        && environment_made(t, db, release_id, manifest->product_id,
                            manifest->is_added_to ? manifest->previous : 0);
}

bool release_insert(struct task *t, struct metadb *db, const struct release_manifest *manifest,
                    int64_t published_us, uint64_t number, uint64_t *id_out)
{
    if (!insert_release(t, db, manifest, published_us, number, id_out)
        || !insert_inputs(t, db, *id_out, &manifest->inputs))
        return false;
    for (size_t i = 0; i < manifest->tables.len; i++) {
        struct arena_mark mark = arena_mark(t->mem);
        if (!insert_table(t, db, *id_out, manifest, &manifest->tables.at[i]))
            return false;
        arena_rewind(t->mem, mark);
    }
    return release_insert_edges(t, db, *id_out, &manifest->edges);
}

/* Compare-and-swap: two runs of one product cannot both follow the same release. */
static bool move_on(struct task *t, struct metadb *db, const struct release_manifest *manifest,
                    uint64_t *number_out)
{
    uint64_t image_version;
    if (!mesh_state_touch(t, db, &image_version)
        || !metadb_run(
            t, db,
            "UPDATE product SET release = last_release + 1, last_release = last_release + "
            "1, changed_version = ? WHERE id = ? AND release = ? AND removed = 0",
            "iii", image_version, manifest->product_id, manifest->previous))
        return false;
    if (metadb_changes(db) != 1) {
        task_fail(t, ERR_CONFLICT,
                  "another release was published, or the product was removed, "
                  "during this run");
        return task_hint(t, "run the product again");
    }
    return metadb_find_uint(t, db, number_out, "SELECT release FROM product WHERE id = ?", "i",
                            manifest->product_id);
}

static bool insert_release(struct task *t, struct metadb *db,
                           const struct release_manifest *manifest, int64_t published_us,
                           uint64_t number, uint64_t *id_out)
{
    uint64_t files = 0, rows = 0, bytes = 0;
    for (size_t i = 0; i < manifest->tables.len; i++) {
        const struct image_table *table = &manifest->tables.at[i];
        files += table->files.len;
        rows += table->rows;
        for (size_t j = 0; j < table->files.len; j++)
            bytes += table->files.at[j].bytes;
    }
    if (!metadb_run(t, db,
                    "INSERT INTO release (product_id, number, run_id, published_us, contracts, "
                    "compiled_digest, tables, files, rows, bytes, restores, basis, sql_digest) "
                    "VALUES (?, ?, "
                    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    "iisissiiiiiSS", manifest->product_id, number, manifest->run_id, published_us,
                    manifest->contracts, manifest->compiled_digest, (uint64_t)manifest->tables.len,
                    files, rows, bytes, manifest->restores, manifest->basis, manifest->sql_digest))
        return false;
    *id_out = metadb_last_id(db);
    return true;
}

static bool insert_table(struct task *t, struct metadb *db, uint64_t release_id,
                         const struct release_manifest *manifest, const struct image_table *table)
{
    if (!metadb_run(t, db,
                    "INSERT INTO release_table SELECT ?1, id, ?3, ?4, ?5 FROM table_ WHERE id = ?2 "
                    "AND product_id = ?6 AND removed = 0",
                    "iisSii", release_id, table->id, table->name,
                    table->contract != NULL ? table->contract->id : STR_NONE, table->rows,
                    manifest->product_id))
        return false;
    if (metadb_changes(db) != 1)
        return task_fail(t, ERR_CONFLICT, "table " STR_FMT " was removed during this run",
                         STR_ARG(table->name));
    for (size_t i = 0; i < table->columns.len; i++)
        if (!insert_column(t, db, release_id, table, i))
            return false;
    for (size_t i = 0; i < table->files.len; i++)
        if (!insert_file(t, db, release_id, table, i))
            return false;
    return column_label_keep(t, db, release_id, table->id);
}

static bool insert_column(struct task *t, struct metadb *db, uint64_t release_id,
                          const struct image_table *table, size_t position)
{
    const struct image_column *column = &table->columns.at[position];
    const struct contract_column *contract = column->contract;
    if (!metadb_run(t, db,
                    "INSERT INTO release_column SELECT ?1, table_id, id, ?4, ?5, ?6, ?7, ?8 FROM "
                    "column_ WHERE table_id = ?2 AND id = ?3 AND removed = 0",
                    "iiuissSS", release_id, table->id, column->id, (uint64_t)position, column->name,
                    column->type, contract != NULL ? contract->classification : STR_NONE,
                    contract != NULL ? image_list_pack(t->mem, &contract->tags) : STR_NONE))
        return false;
    return metadb_changes(db) == 1
        || task_fail(t, ERR_CONFLICT,
                     "column " STR_FMT " of " STR_FMT " was removed during this run",
                     STR_ARG(column->name), STR_ARG(table->name));
}

static str join_ids(struct arena *mem, const struct image_file *file)
{
    struct buf *b = buf_new(mem, file->columns.len * 12 + 1);
    for (size_t i = 0; i < file->columns.len; i++)
        buf_format(b, i > 0 ? ",%u" : "%u", file->columns.at[i]);
    return buf_str(b);
}

static bool insert_fact(struct task *t, struct metadb *db, uint64_t file_id,
                        const struct image_fact *fact)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st, "INSERT INTO file_fact VALUES (?, ?, ?, ?, ?, ?)", "iunnin",
                      file_id, fact->column_id, fact->nulls))
        return false;
    if (fact->has_range) {
        metadb_bind_str(st, 3, fact->low);
        metadb_bind_str(st, 4, fact->high);
    }
    if (fact->has_values)
        metadb_bind_str(st, 6, image_list_pack(t->mem, &fact->values));
    return metadb_run_prepared(t, st) && metadb_end(t, st);
}

/* The same content may be there from an earlier release, with its facts: content decides them. */
static bool keep_file(struct task *t, struct metadb *db, const struct image_file *file,
                      uint64_t *id_out)
{
    if (!metadb_find_uint(t, db, id_out, "SELECT id FROM file WHERE sha256 = ?", "s", file->sha256))
        return false;
    if (*id_out != 0)
        return true;
    if (!metadb_run(t, db, "INSERT INTO file (sha256, bytes, rows, columns) VALUES (?, ?, ?, ?)",
                    "siis", file->sha256, file->bytes, file->rows, join_ids(t->mem, file)))
        return false;
    *id_out = metadb_last_id(db);
    for (size_t i = 0; i < file->facts.len; i++)
        if (!insert_fact(t, db, *id_out, &file->facts.at[i]))
            return false;
    return true;
}

static bool insert_file(struct task *t, struct metadb *db, uint64_t release_id,
                        const struct image_table *table, size_t part)
{
    const struct image_file *file = &table->files.at[part];
    uint64_t file_id;
    return keep_file(t, db, file, &file_id)
        && metadb_run(t, db, "INSERT INTO release_file VALUES (?, ?, ?, ?, ?, ?)", "iiiiSi",
                      release_id, table->id, (uint64_t)part, file_id, file->deletions,
                      file->deleted);
}

static bool insert_inputs(struct task *t, struct metadb *db, uint64_t release_id,
                          const struct release_inputs *inputs)
{
    for (size_t i = 0; i < inputs->len; i++) {
        const struct release_input *input = &inputs->at[i];
        if (!metadb_run(t, db, "INSERT INTO release_input VALUES (?, ?, ?, ?, ?, ?)", "iisIIS",
                        release_id, (uint64_t)i, input->name, input->product_id, input->number,
                        input->description))
            return false;
    }
    return true;
}

static bool read_releases(struct task *t, struct metadb_statement *st, struct release_list *out)
{
    *out = (struct release_list){0};
    while (metadb_next(t, st))
        vec_push(t->mem, out,
                 ((struct release_row){.product_id = metadb_uint(st, 0),
                                       .number = metadb_uint(st, 1),
                                       .run_id = metadb_str(t->mem, st, 2),
                                       .published_us = metadb_int(st, 3),
                                       .contracts = metadb_str(t->mem, st, 4),
                                       .compiled_digest = metadb_str(t->mem, st, 5),
                                       .tables = metadb_uint(st, 6),
                                       .files = metadb_uint(st, 7),
                                       .rows = metadb_uint(st, 8),
                                       .bytes = metadb_uint(st, 9),
                                       .is_current = metadb_int(st, 10) != 0,
                                       .is_kept = metadb_int(st, 11) != 0,
                                       .restores = metadb_uint(st, 12)}));
    return metadb_end(t, st);
}

bool release_basis(struct task *t, struct metadb *db, uint64_t product_id, uint64_t number,
                   str *out)
{
    return metadb_find_str(t, db, out,
                           "SELECT basis FROM release WHERE product_id = ? AND number = ?", "ii",
                           product_id, number);
}

bool release_sql_digest(struct task *t, struct metadb *db, uint64_t product_id, uint64_t number,
                        str *out)
{
    return metadb_find_str(t, db, out,
                           "SELECT sql_digest FROM release WHERE product_id = ? AND number = ?",
                           "ii", product_id, number);
}

#define RELEASE_ROWS                                                                               \
    "SELECT r.product_id, r.number, r.run_id, r.published_us, r.contracts, r.compiled_digest, "    \
    "r.tables, r.files, r.rows, r.bytes, r.number = p.release, r.is_kept, r.restores FROM "        \
    "release r JOIN product p ON p.id = r.product_id "

bool release_list(struct task *t, struct metadb *db, uint64_t product_id, uint64_t most,
                  struct release_list *out)
{
    struct metadb_statement *st;
    return metadb_query(t, db, &st,
                        RELEASE_ROWS
                        "WHERE r.number > 0 AND (?1 = 0 OR r.product_id = ?1) ORDER BY r.id DESC "
                        "LIMIT ?2",
                        "ii", product_id, most != 0 ? (int64_t)most : (int64_t)-1)
        && read_releases(t, st, out);
}

bool release_get(struct task *t, struct metadb *db, uint64_t product_id, uint64_t number,
                 struct release_row *out, bool *found_out)
{
    struct metadb_statement *st;
    struct release_list list;
    if (!metadb_query(t, db, &st, RELEASE_ROWS "WHERE r.product_id = ? AND r.number = ?", "ii",
                      product_id, number)
        || !read_releases(t, st, &list))
        return false;
    *found_out = list.len > 0;
    if (*found_out)
        *out = list.at[0];
    return true;
}

bool release_inputs(struct task *t, struct metadb *db, uint64_t product_id, uint64_t number,
                    struct release_inputs *out)
{
    *out = (struct release_inputs){0};
    struct metadb_statement *st;
    if (!metadb_query(
            t, db, &st,
            "SELECT i.name, i.producer_id, i.producer_release, i.description FROM "
            "release_input i JOIN release r ON r.id = i.release_id WHERE r.product_id = ? "
            "AND r.number = ? ORDER BY i.position",
            "ii", product_id, number))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, out,
                 ((struct release_input){.name = metadb_str(t->mem, st, 0),
                                         .product_id = metadb_uint(st, 1),
                                         .number = metadb_uint(st, 2),
                                         .description = metadb_str(t->mem, st, 3)}));
    return metadb_end(t, st);
}

bool release_was_taken_back(struct task *t, struct metadb *db, uint64_t product_id, uint64_t number,
                            uint64_t up_to, bool *out)
{
    struct metadb_statement *st;

    if (!metadb_query(t, db, &st,
                      "SELECT 1 FROM release WHERE product_id = ? AND number > ? AND number <= ? "
                      "AND restores > 0 AND restores < ?",
                      "iiii", product_id, number, up_to, number)) {
        return false;
    }
    *out = metadb_next(t, st);
    while (metadb_next(t, st)) {
    }
    return metadb_end(t, st);
}

struct pruning {
    uint64_t keep;
    int64_t young_after_us;
    uint64_t count;
};

static bool prune(struct task *t, struct metadb *db, void *state)
{
    struct pruning *pruning = state;
    if (!metadb_run(
            t, db,
            "UPDATE release SET is_kept = 0 WHERE is_kept = 1 AND published_us < ?1 AND NOT "
            "EXISTS (SELECT 1 FROM product p WHERE p.id = release.product_id AND p.removed = "
            "0 AND release.number > 0 AND (p.release = release.number OR release.number > "
            "p.last_release - ?2))",
            "ii", pruning->young_after_us, pruning->keep))
        return false;
    pruning->count = metadb_changes(db);
    return metadb_run(t, db,
                      "DELETE FROM release_table WHERE release_id IN (SELECT id FROM release WHERE "
                      "is_kept = 0)",
                      "")
        && metadb_run(t, db,
                      "DELETE FROM file WHERE NOT EXISTS (SELECT 1 FROM release_file r WHERE "
                      "r.file_id = file.id)",
                      "");
}

bool release_prune(struct task *t, struct metadb *db, uint64_t keep, int64_t young_after_us,
                   uint64_t *count_out)
{
    struct pruning pruning = {keep, young_after_us, 0};
    if (!metadb_write(t, db, prune, &pruning))
        return false;
    *count_out = pruning.count;
    return true;
}

bool release_files(struct task *t, struct metadb *db, struct str_list *out)
{
    *out = (struct str_list){0};
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT sha256 FROM file UNION SELECT deletions FROM release_file WHERE "
                      "deletions IS NOT NULL UNION SELECT sha256 FROM quarantine ORDER BY 1",
                      ""))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, out, metadb_str(t->mem, st, 0));
    return metadb_end(t, st);
}
