/* Recorded queries as they stand in the catalog, and what the audit binds of them. */
#include "crypto/crypto.h"
#include "limits/limits.h"
#include "query_row/query_row.h"
#include "json/json.h"

/* Canonical bytes, as the audit's own: they never change, rows of all times are verified by them. */
static void add_number(struct crypto_hash *hash, uint64_t number)
{
    char bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(number >> (8 * i));
    crypto_hash_add(hash, (str){bytes, sizeof bytes});
}

static void add_text(struct crypto_hash *hash, str text)
{
    add_number(hash, text.len);
    crypto_hash_add(hash, text);
}

/* One letter a column: `i` a number, `s` a text. NULL counts as 0 or empty, as everything that reads it takes it. */
static void add_columns(struct arena *mem, struct crypto_hash *hash, struct metadb_statement *st,
                        const char *types)
{
    for (int i = 0; types[i] != '\0'; i++) {
        struct arena_mark mark = arena_mark(mem);
        if (types[i] == 'i')
            add_number(hash, metadb_uint(st, i));
        else
            add_text(hash, metadb_str(mem, st, i));
        arena_rewind(mem, mark);
    }
}

/* All rows of a statement over the query; how many there are stands behind them. */
static bool add_rows(struct task *t, struct metadb *db, struct crypto_hash *hash, const char *sql,
                     const char *types, uint64_t sequence, uint64_t *count_out)
{
    struct metadb_statement *st;
    *count_out = 0;
    if (!metadb_query(t, db, &st, sql, "i", sequence))
        return false;
    while (metadb_next(t, st)) {
        add_columns(t->mem, hash, st, types);
        ++*count_out;
    }
    if (!metadb_end(t, st))
        return false;
    add_number(hash, *count_out);
    return true;
}

static str end_record(struct arena *mem, struct crypto_hash *hash)
{
    struct crypto_digest digest = crypto_hash_end(hash);
    return crypto_digest_hex(mem, &digest);
}

bool query_row_record(struct task *t, struct metadb *db, uint64_t sequence, bool is_refused,
                      str *out)
{
    static const char WHOLE[] =
        "SELECT sequence, id, time_us, actor_kind, actor, on_behalf, door, purpose, text, digest, "
        "policy_version, outcome, error, rows, bytes, duration_us FROM query WHERE sequence = ?";
    static const char BEGUN[] =
        "SELECT sequence, id, time_us, actor_kind, actor, on_behalf, door, "
        "purpose, text, digest, policy_version FROM query WHERE sequence = ?";
    struct crypto_hash *hash = crypto_hash_new(t->mem);
    uint64_t queries, tables, columns;
    add_text(hash, is_refused ? STR("weft-query-refused-1") : STR("weft-query-1"));
    if (!add_rows(t, db, hash, is_refused ? WHOLE : BEGUN,
                  is_refused ? "isisssssssissiii" : "isisssssssi", sequence, &queries)
        || !add_rows(t, db, hash,
                     "SELECT position, table_id, address, release, class_id, files, policies "
                     "FROM query_table WHERE query = ? ORDER BY position",
                     "iisisss", sequence, &tables)
        || !add_rows(t, db, hash,
                     "SELECT position, name, table_id, release, column_id FROM query_column "
                     "WHERE query = ? ORDER BY position, name",
                     "isiii", sequence, &columns))
        return false;
    *out = queries == 1 ? end_record(t->mem, hash) : STR_NONE;
    return true;
}

bool query_row_end_record(struct task *t, struct metadb *db, uint64_t sequence, str *out)
{
    struct crypto_hash *hash = crypto_hash_new(t->mem);
    uint64_t queries;
    add_text(hash, STR("weft-query-end-1"));
    if (!add_rows(t, db, hash,
                  "SELECT sequence, id, outcome, error, rows, bytes, duration_us FROM query "
                  "WHERE sequence = ?",
                  "isssiii", sequence, &queries))
        return false;
    *out = queries == 1 ? end_record(t->mem, hash) : STR_NONE;
    return true;
}

#define QUERY_SELECT                                                                               \
    "SELECT sequence, id, time_us, actor, on_behalf, purpose, text, digest, policy_version, "      \
    "outcome, error, rows, bytes, duration_us, actor_kind, door FROM query "

static struct query_row *read_query(struct arena *mem, struct metadb_statement *st)
{
    struct query_row *row = ARENA_NEW(mem, struct query_row);
    *row = (struct query_row){.sequence = metadb_uint(st, 0),
                              .id = metadb_str(mem, st, 1),
                              .time_us = metadb_int(st, 2),
                              .actor = metadb_str(mem, st, 3),
                              .on_behalf = metadb_str(mem, st, 4),
                              .purpose = metadb_str(mem, st, 5),
                              .text = metadb_str(mem, st, 6),
                              .digest = metadb_str(mem, st, 7),
                              .policy_version = metadb_uint(st, 8),
                              .outcome = metadb_str(mem, st, 9),
                              .error = metadb_str(mem, st, 10),
                              .rows = metadb_uint(st, 11),
                              .bytes = metadb_uint(st, 12),
                              .duration_us = metadb_int(st, 13),
                              .actor_kind = metadb_str(mem, st, 14),
                              .door = metadb_str(mem, st, 15)};
    return row;
}

/* A list that this program wrote; from a file that somebody else wrote into, whatever it is. */
static bool read_list(struct task *t, str text, const struct tree **out)
{
    static const struct json_limits LIMITS = {FRAME_BYTES_MAX, DOCUMENT_DEPTH_MAX,
                                              DOCUMENT_NODES_MAX};
    struct tree *list;
    *out = NULL;
    if (!json_read(t, t->mem, text, &LIMITS, &list))
        return task_fail(t, ERR_CORRUPT, "a recorded query cannot be read");
    *out = list;
    return true;
}

static bool read_columns(struct task *t, struct metadb *db, uint64_t sequence, uint64_t position,
                         struct query_row_table *table)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT column_id, name FROM query_column WHERE query = ? AND position = ? "
                      "ORDER BY name",
                      "ii", sequence, position))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, &table->columns,
                 ((struct query_row_column){.id = (uint32_t)metadb_uint(st, 0),
                                            .name = metadb_str(t->mem, st, 1)}));
    return metadb_end(t, st);
}

static bool read_table(struct task *t, struct metadb *db, struct metadb_statement *st,
                       uint64_t sequence, struct query_row_table *table)
{
    const struct tree *files, *policies;
    *table = (struct query_row_table){.table_id = metadb_uint(st, 1),
                                      .address = metadb_str(t->mem, st, 2),
                                      .release = metadb_uint(st, 3),
                                      .class_id = metadb_str(t->mem, st, 4)};
    if (!read_list(t, metadb_str(t->mem, st, 5), &files)
        || !read_list(t, metadb_str(t->mem, st, 6), &policies))
        return false;
    for (size_t i = 0; i < files->len; i++)
        vec_push(t->mem, &table->files, files->at[i]->text);
    for (size_t i = 0; i < policies->len; i++)
        vec_push(
            t->mem, &table->policies,
            ((struct query_row_policy){.effect = tree_find_text(policies->at[i], STR("effect")),
                                       .policy = tree_find_text(policies->at[i], STR("policy"))}));
    return read_columns(t, db, sequence, metadb_uint(st, 0), table);
}

bool query_row_find(struct task *t, struct metadb *db, uint64_t sequence, struct query_row **out)
{
    struct metadb_statement *st;
    *out = NULL;
    if (!metadb_query(t, db, &st, QUERY_SELECT "WHERE sequence = ?", "i", sequence))
        return false;
    if (metadb_next(t, st))
        *out = read_query(t->mem, st);
    if (!metadb_end(t, st))
        return false;
    if (*out == NULL)
        return true;
    if (!metadb_query(t, db, &st,
                      "SELECT position, table_id, address, release, class_id, files, policies "
                      "FROM query_table WHERE query = ? ORDER BY position",
                      "i", sequence))
        return false;
    while (metadb_next(t, st)) {
        if (!read_table(t, db, st, sequence, vec_add(t->mem, &(*out)->tables)))
            return false;
    }
    return metadb_end(t, st);
}

bool query_row_list(struct task *t, struct metadb *db, str actor, uint64_t most,
                    struct query_row_list *out)
{
    *out = (struct query_row_list){0};
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      QUERY_SELECT "WHERE ?1 = '' OR actor = ?1 ORDER BY sequence DESC LIMIT ?2",
                      "si", actor, most != 0 ? (int64_t)most : (int64_t)-1))
        return false;
    while (metadb_next(t, st)) {
        vec_push(t->mem, out, read_query(t->mem, st));
    }
    return metadb_end(t, st);
}
