/* What a build sees of its inputs: rows that it made earlier are worth keeping only while that is the same. */
#include "buf/buf.h"
#include "crypto/crypto.h"
#include "gate_inside.h"
#include "image/image_decision.h"

enum { SEEN_BYTES_MAX = 64 << 20 };

/* All columns of today, so that one more is another view. */
static void add_table(struct task *t, const struct image_table *table,
                      const struct decision *decision, struct buf *out)
{
    uint32_t *ids = ARENA_ARRAY(t->mem, uint32_t, table->columns.len + 1);
    for (size_t i = 0; i < table->columns.len; i++)
        ids[i] = table->columns.at[i].id;
    if (decision->allowed)
        policy_class(out, table->id, decision, ids, table->columns.len);
    else
        buf_add(out, STR("denied"));
}

str gate_seen(struct task *t, const struct gate *gate, const struct image *image,
              const struct gate_scope *scope)
{
    struct crypto_hash *hash = crypto_hash_new(t->mem);
    struct policy_actor reader;
    gate_reader(t, scope, &reader);
    /* Another key of hash masks gives other values. */
    crypto_hash_add(hash, gate->hash_key_id);
    for (size_t i = 0; i < scope->inputs.len; i++) {
        const struct gate_input *input = &scope->inputs.at[i];
        struct arena_mark mark = arena_mark(t->mem);
        struct buf *bytes = buf_new(t->mem, SEEN_BYTES_MAX);
        if (!input->table)
            continue;
        buf_format(bytes, "%zu " STR_FMT "%zu " STR_FMT, input->schema.len, STR_ARG(input->schema),
                   input->name.len, STR_ARG(input->name));
        add_table(t, input->table, image_decide(t, image, &reader, 0, input->table), bytes);
        CHECK(!bytes->full);
        crypto_hash_add(hash, buf_str(bytes));
        crypto_hash_add(hash, (str){"", 1});
        arena_rewind(t->mem, mark);
    }
    struct crypto_digest digest = crypto_hash_end(hash);
    return crypto_digest_hex(t->mem, &digest);
}
