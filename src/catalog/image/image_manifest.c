#include "buf/buf.h"
#include "image/images.h"

static bool read_tables(struct task *t, struct arena *mem, struct metadb *db, uint64_t release_id,
                        struct image_manifest *out);
static bool read_columns(struct task *t, struct arena *mem, struct metadb *db, uint64_t release_id,
                         struct image_manifest *out);
static bool read_files(struct task *t, struct arena *mem, struct metadb *db, uint64_t release_id,
                       struct image_table *table);
static bool read_facts(struct task *t, struct arena *mem, struct metadb *db,
                       struct image_file *file);

bool image_manifest_read(struct task *t, struct arena *mem, struct metadb *db, uint64_t product_id,
                         uint64_t number, struct image_manifest *out, bool *found_out)
{
    *out = (struct image_manifest){0};
    struct metadb *now;
    struct metadb_statement *st;
    if (!metadb_snapshot(t, db, &now)
        || !metadb_query(
            t, now, &st,
            "SELECT id, published_us FROM release WHERE product_id = ? AND number = ? AND "
            "is_kept = 1",
            "ii", product_id, number))
        return false;
    *found_out = metadb_next(t, st);
    uint64_t release_id = *found_out ? metadb_uint(st, 0) : 0;
    out->release = (struct image_release){number, *found_out ? metadb_int(st, 1) : 0};
    if (!metadb_end(t, st))
        return false;
    if (*found_out
        && (!read_tables(t, mem, now, release_id, out)
            || !read_columns(t, mem, now, release_id, out)))
        return false;
    for (size_t i = 0; i < out->tables.len; i++)
        if (!read_files(t, mem, now, release_id, &out->tables.at[i]))
            return false;
    if (now != db)
        metadb_snapshot_end(t, now);
    return true;
}

static bool read_tables(struct task *t, struct arena *mem, struct metadb *db, uint64_t release_id,
                        struct image_manifest *out)
{
    struct metadb_statement *st;
    if (!metadb_query(
            t, db, &st,
            "SELECT table_id, name, rows FROM release_table WHERE release_id = ? ORDER BY "
            "table_id",
            "i", release_id))
        return false;
    while (metadb_next(t, st))
        vec_push(mem, &out->tables,
                 ((struct image_table){.id = metadb_uint(st, 0),
                                       .name = metadb_str(mem, st, 1),
                                       .rows = metadb_uint(st, 2),
                                       .is_released = true}));
    return metadb_end(t, st);
}

static bool read_columns(struct task *t, struct arena *mem, struct metadb *db, uint64_t release_id,
                         struct image_manifest *out)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT table_id, column_id, name, type, classification, tags FROM "
                      "release_column WHERE release_id = ? ORDER BY table_id, position",
                      "i", release_id))
        return false;
    size_t table = 0;
    while (metadb_next(t, st)) {
        uint64_t table_id = metadb_uint(st, 0);
        while (table < out->tables.len && out->tables.at[table].id < table_id)
            table++;
        CHECK(table < out->tables.len && out->tables.at[table].id == table_id);
        struct image_column *column = vec_add(mem, &out->tables.at[table].columns);
        column->id = (uint32_t)metadb_uint(st, 1);
        column->name = metadb_str(mem, st, 2);
        column->type = metadb_str(mem, st, 3);
        struct image_labels *labels = vec_add(mem, &out->labels);
        labels->table_id = table_id;
        labels->column_id = column->id;
        labels->classification = metadb_str(mem, st, 4);
        if (!image_list_unpack(mem, metadb_str(mem, st, 5), &labels->tags))
            return task_fail(t, ERR_CORRUPT, "the tags of a column of release %llu cannot be read",
                             (unsigned long long)out->release.number);
    }
    return metadb_end(t, st);
}

static bool read_ids(struct arena *mem, str text, struct image_file *file)
{
    str head, rest = text;
    while (rest.len > 0) {
        uint64_t id;
        (void)str_cut(rest, ',', &head, &rest);
        if (!str_to_u64(head, &id) || id == 0 || id > UINT32_MAX)
            return false;
        vec_push(mem, &file->columns, (uint32_t)id);
    }
    return true;
}

static bool read_files(struct task *t, struct arena *mem, struct metadb *db, uint64_t release_id,
                       struct image_table *table)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT f.id, f.sha256, f.rows, f.bytes, f.columns, r.deletions, "
                      "r.deleted_rows FROM "
                      "release_file r JOIN file f ON f.id = r.file_id WHERE r.release_id = ? AND "
                      "r.table_id = ? ORDER BY r.part",
                      "ii", release_id, table->id))
        return false;
    while (metadb_next(t, st)) {
        struct image_file *file = vec_add(mem, &table->files);
        file->id = metadb_uint(st, 0);
        file->sha256 = metadb_str(mem, st, 1);
        file->rows = metadb_uint(st, 2);
        file->bytes = metadb_uint(st, 3);
        file->deletions = metadb_str(mem, st, 5);
        file->deleted = metadb_uint(st, 6);
        if (!read_ids(mem, metadb_str(mem, st, 4), file))
            return task_fail(t, ERR_CORRUPT, "the columns of file " STR_FMT " cannot be read",
                             STR_ARG(file->sha256));
    }
    if (!metadb_end(t, st))
        return false;
    for (size_t i = 0; i < table->files.len; i++)
        if (!read_facts(t, mem, db, &table->files.at[i]))
            return false;
    return true;
}

static bool read_facts(struct task *t, struct arena *mem, struct metadb *db,
                       struct image_file *file)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT column_id, low, high, nulls, distinct_values FROM file_fact WHERE "
                      "file_id = ? ORDER BY column_id",
                      "i", file->id))
        return false;
    while (metadb_next(t, st)) {
        struct image_fact *fact = vec_add(mem, &file->facts);
        fact->column_id = (uint32_t)metadb_uint(st, 0);
        fact->has_range = !metadb_is_null(st, 1) && !metadb_is_null(st, 2);
        fact->low = metadb_str(mem, st, 1);
        fact->high = metadb_str(mem, st, 2);
        fact->nulls = metadb_uint(st, 3);
        fact->has_values = !metadb_is_null(st, 4);
        if (!image_list_unpack(mem, metadb_str(mem, st, 4), &fact->values))
            return task_fail(t, ERR_CORRUPT, "the facts of file " STR_FMT " cannot be read",
                             STR_ARG(file->sha256));
    }
    return metadb_end(t, st);
}

str image_list_pack(struct arena *mem, const struct str_list *list)
{
    size_t bytes = 0;
    for (size_t i = 0; i < list->len; i++)
        bytes += list->at[i].len + 24;
    struct buf *b = buf_new(mem, bytes + 1);
    for (size_t i = 0; i < list->len; i++) {
        buf_format(b, "%zu:", list->at[i].len);
        buf_add(b, list->at[i]);
    }
    CHECK(!b->full);
    return buf_str(b);
}

bool image_list_unpack(struct arena *mem, str text, struct str_list *out)
{
    *out = (struct str_list){0};
    while (text.len > 0) {
        str head, rest;
        uint64_t len;
        if (!str_cut(text, ':', &head, &rest) || !str_to_u64(head, &len) || len > rest.len)
            return false;
        vec_push(mem, out, str_sub(rest, 0, (size_t)len));
        text = str_from(rest, (size_t)len);
    }
    return true;
}
