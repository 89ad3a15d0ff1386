/* Which files a decision needs: originals, copies of the whole decision, copies of its values. */
#include "buf/buf.h"
#include "crypto/crypto.h"
#include "gate_inside.h"

enum { CLASS_BYTES_MAX = 64 << 20 };

static str file_name(struct arena *mem, const struct image_file *file)
{
    return arena_format(mem, STR_FMT "%s" STR_FMT ".parquet", STR_ARG(file->sha256),
                        file->deletions.len ? "-" : "", STR_ARG(file->deletions));
}

static str hash_class(struct task *t, const struct gate *gate, str what, str bytes, str value)
{
    struct crypto_hash *hash = crypto_hash_new(t->mem);
    crypto_hash_add(hash, STR(GATE_CLEARING_VERSION));
    crypto_hash_add(hash, (str){"", 1});
    crypto_hash_add(hash, gate->hash_key_id);
    crypto_hash_add(hash, what);
    crypto_hash_add(hash, bytes);
    crypto_hash_add(hash, value);
    struct crypto_digest digest = crypto_hash_end(hash);
    return crypto_digest_hex(t->mem, &digest);
}

static str class_bytes(struct task *t, const struct image_table *table,
                       const struct image_file *file, const struct decision *decision)
{
    struct buf *bytes = buf_new(t->mem, CLASS_BYTES_MAX);
    policy_class(bytes, table->id, decision, file->columns.at, file->columns.len);
    CHECK(!bytes->full);
    return buf_str(bytes);
}

/* The classes of one table: files of the same columns have the same. */
struct classes {
    const struct image_file *of;
    str whole, columns; /* `columns`: bytes of the decision without its filter */
};

static bool has_same_columns(const struct image_file *a, const struct image_file *b)
{
    bool same = a && a->columns.len == b->columns.len;
    for (size_t i = 0; same && i < a->columns.len; i++)
        same = a->columns.at[i] == b->columns.at[i];
    return same;
}

static void find_classes(struct task *t, const struct gate *gate, const struct image_table *table,
                         const struct image_file *file, const struct decision *decision,
                         bool is_by_value, struct classes *out)
{
    if (has_same_columns(out->of, file))
        return;
    out->of = file;
    out->whole = hash_class(t, gate, STR("whole"), class_bytes(t, table, file, decision), STR_NONE);
    if (!is_by_value)
        return;
    struct decision bare = *decision;
    struct buf *column = buf_new(t->mem, CLASS_BYTES_MAX);
    bare.filters.at = NULL;
    bare.filters.len = bare.filters.cap = 0;
    buf_add(column, class_bytes(t, table, file, &bare));
    buf_format(column, "%u %zu ", decision->filters.at[0].column.id,
               decision->filters.at[0].column.type.len);
    buf_add(column, decision->filters.at[0].column.type);
    out->columns = buf_str(column);
}

static struct gate_want *add_want(struct task *t, const struct gate *gate,
                                  const struct image_table *table, const struct image_file *file,
                                  const struct decision *decision, str class_id,
                                  struct gate_wants *out)
{
    struct gate_want *want = vec_add(t->mem, out);
    want->table = table;
    want->file = file;
    want->decision = decision;
    want->class_id = class_id;
    want->name = file_name(t->mem, file);
    want->path = class_id.len ? store_cleared_path(t, gate->store, table->id, class_id, want->name)
                              : store_file_path(t, gate->store, file->sha256);
    return want;
}

void gate_want(struct task *t, const struct gate *gate, const struct image_table *table,
               const struct decision *decision, struct gate_wants *out, str *class_out)
{
    struct classes classes = {0};
    bool is_by_value = gate_is_by_value(decision, table->files.len);
    *class_out = STR_NONE;
    CHECK(decision->allowed);
    for (size_t i = 0; i < table->files.len; i++) {
        const struct image_file *file = &table->files.at[i];
        enum gate_proof proof = gate_prove(file, decision);
        struct str_list values = {0};
        if (proof == GATE_ALL_HIDDEN)
            continue;
        if (proof == GATE_ALL_VISIBLE && file->deletions.len == 0
            && policy_shows_all_columns(decision, file->columns.at, file->columns.len)) {
            add_want(t, gate, table, file, decision, STR_NONE, out)->is_original = true;
            continue;
        }
        find_classes(t, gate, table, file, decision, is_by_value, &classes);
        if (!class_out->len)
            *class_out = classes.whole;
        if (!is_by_value) {
            add_want(t, gate, table, file, decision, classes.whole, out);
            continue;
        }
        gate_values_in(t->mem, file, &decision->filters.at[0], &values);
        for (size_t k = 0; k < values.len; k++) {
            str class_id = hash_class(t, gate, STR("value"), classes.columns, values.at[k]);
            struct gate_want *want = add_want(t, gate, table, file, decision, class_id, out);
            want->is_by_value = true;
            want->value = values.at[k];
        }
    }
}
