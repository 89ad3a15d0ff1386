/* What a release was when it was published, in one hash that the audit keeps: SQLite cannot see a bit that flipped inside a value. */
#include "crypto/crypto.h"
#include "release/release.h"

/* Rows as JSON lists: a value cannot run into the next, and NULL is not a text. Columns that come later are named here, or the seals of
 * before would not fit. */
static const char *const parts[] = {
    "SELECT json_array('release', product_id, number, run_id, published_us, contracts, "
    "compiled_digest, tables, files, rows, bytes, restores, basis) FROM release WHERE id = ?",
    "SELECT json_array('table', table_id, name, contract_id, rows) FROM release_table WHERE "
    "release_id = ? ORDER BY table_id",
    "SELECT json_array('column', table_id, column_id, position, name, type, classification, tags) "
    "FROM release_column WHERE release_id = ? ORDER BY table_id, column_id",
    "SELECT json_array('file', table_id, part, deletions, deleted_rows, sha256, bytes, rows, "
    "columns) FROM "
    "release_file JOIN file ON file.id = file_id WHERE release_id = ? ORDER BY table_id, part",
    "SELECT json_array('fact', table_id, part, column_id, low, high, nulls, distinct_values) FROM "
    "release_file JOIN file_fact USING (file_id) WHERE release_id = ? ORDER BY table_id, part, "
    "column_id",
    "SELECT json_array('input', position, name, producer_id, producer_release, description) FROM "
    "release_input WHERE release_id = ? ORDER BY position",
    "SELECT json_array('edge', table_id, column_id, position, input_port, input_table, "
    "input_column, producer_table_id, producer_column_id, kind, carries) FROM release_edge WHERE "
    "release_id = ? ORDER BY table_id, column_id, position",
};

static bool add_part(struct task *t, struct metadb *db, const char *sql, uint64_t release_id,
                     struct crypto_hash *hash)
{
    struct arena_mark mark = arena_mark(t->mem);
    struct metadb_statement *st;

    if (!metadb_query(t, db, &st, sql, "i", release_id)) {
        return false;
    }
    while (metadb_next(t, st)) {
        struct arena_mark row = arena_mark(t->mem);

        crypto_hash_add(hash, metadb_str(t->mem, st, 0));
        crypto_hash_add(hash, STR("\n"));
        arena_rewind(t->mem, row);
    }
    if (!metadb_end(t, st)) {
        return false;
    }
    arena_rewind(t->mem, mark);
    return true;
}

bool release_seal(struct task *t, struct metadb *db, uint64_t product_id, uint64_t number, str *out)
{
    struct crypto_hash *hash = crypto_hash_new(t->mem);
    uint64_t id;

    if (!metadb_find_uint(t, db, &id, "SELECT id FROM release WHERE product_id = ? AND number = ?",
                          "ii", product_id, number)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!add_part(t, db, parts[i], id, hash)) {
            return false;
        }
    }
    struct crypto_digest digest = crypto_hash_end(hash);
    *out = crypto_digest_hex(t->mem, &digest);
    return true;
}
