#include "audit/audit.h"

#include "clock/clock.h"
#include "crypto/crypto.h"

#define AUDIT_SELECT                                                                               \
    "SELECT sequence, time_us, actor, on_behalf, action, object, outcome, detail, previous_hash, " \
    "hash FROM audit "

/* The first row follows this. */
#define AUDIT_NOTHING "0000000000000000000000000000000000000000000000000000000000000000"

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

/* Canonical bytes: a name of the form, numbers as 8 bytes little-endian, texts behind their length.
 * They never change: rows of all times are verified by them. */
static str row_hash(struct arena *mem, const struct audit_row *row)
{
    struct crypto_hash *hash = crypto_hash_new(mem);
    add_text(hash, STR("weft-audit-1"));
    add_number(hash, row->sequence);
    add_number(hash, (uint64_t)row->time_us);
    add_text(hash, row->actor);
    add_text(hash, row->on_behalf);
    add_text(hash, row->action);
    add_text(hash, row->object);
    add_text(hash, row->outcome);
    add_text(hash, row->detail);
    add_text(hash, row->previous_hash);
    struct crypto_digest digest = crypto_hash_end(hash);
    return crypto_digest_hex(mem, &digest);
}

static bool append(struct task *t, struct metadb *db, void *state)
{
    struct audit_row *row = state;
    struct metadb_statement *st;
    bool has_row;
    if (!metadb_query(t, db, &st, "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1",
                      "")
        || !metadb_step(t, st, &has_row))
        return false;
    row->sequence = has_row ? metadb_uint(st, 0) + 1 : 1;
    row->previous_hash = has_row ? metadb_str(t->mem, st, 1) : STR(AUDIT_NOTHING);
    metadb_done(t, st);
    row->hash = row_hash(t->mem, row);
    metadb_pass_before_commit(db, FAULT_AUDIT_WRITE);
    return metadb_run(t, db, "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      "iissssssss", row->sequence, row->time_us, row->actor, row->on_behalf,
                      row->action, row->object, row->outcome, row->detail, row->previous_hash,
                      row->hash);
}

bool audit_append(struct task *t, struct metadb *db, str action, str object, str outcome,
                  str detail, uint64_t *sequence_out)
{
    CHECK(t->actor != NULL);
    struct audit_row row = {.time_us = clock_now_us(),
                            .actor = t->actor->name,
                            .on_behalf = t->actor->on_behalf,
                            .action = action,
                            .object = object,
                            .outcome = outcome,
                            .detail = detail};
    if (!metadb_write(t, db, append, &row))
        return false;
    if (sequence_out != NULL)
        *sequence_out = row.sequence;
    return true;
}

static struct audit_row read_row(struct arena *mem, struct metadb_statement *st)
{
    return (struct audit_row){.sequence = metadb_uint(st, 0),
                              .time_us = metadb_int(st, 1),
                              .actor = metadb_str(mem, st, 2),
                              .on_behalf = metadb_str(mem, st, 3),
                              .action = metadb_str(mem, st, 4),
                              .object = metadb_str(mem, st, 5),
                              .outcome = metadb_str(mem, st, 6),
                              .detail = metadb_str(mem, st, 7),
                              .previous_hash = metadb_str(mem, st, 8),
                              .hash = metadb_str(mem, st, 9)};
}

static const char *misfit(struct arena *mem, const struct audit_row *row, uint64_t sequence,
                          str head)
{
    if (row->sequence != sequence)
        return "a row is missing before this one";
    if (!str_eq(row->previous_hash, head))
        return "it does not follow the row before it";
    if (!str_eq(row->hash, row_hash(mem, row)))
        return "its content was changed";
    return NULL;
}

bool audit_verify(struct task *t, struct metadb *db, struct audit_state *out)
{
    char head[CRYPTO_SHA256_HEX + 1] = AUDIT_NOTHING;
    *out = (struct audit_state){.is_whole = true};
    struct metadb_statement *st;
    bool has_row = true;
    if (!metadb_query(t, db, &st, AUDIT_SELECT "ORDER BY sequence", ""))
        return false;
    while (has_row && out->is_whole) {
        if (!task_go_on(t) || !metadb_step(t, st, &has_row))
            return false;
        if (!has_row)
            break;
        struct arena_mark mark = arena_mark(t->mem);
        struct audit_row row = read_row(t->mem, st);
        const char *reason = misfit(t->mem, &row, out->rows + 1, (str){head, CRYPTO_SHA256_HEX});
        if (reason != NULL) {
            out->is_whole = false;
            out->broken_at = row.sequence;
            out->reason = str_of(reason);
        } else {
            out->rows++;
            memcpy(head, row.hash.ptr, CRYPTO_SHA256_HEX);
        }
        arena_rewind(t->mem, mark);
    }
    metadb_done(t, st);
    out->head = arena_str(t->mem, (str){head, CRYPTO_SHA256_HEX});
    return true;
}

bool audit_after(struct task *t, struct metadb *db, str actor, uint64_t sequence, uint64_t most,
                 struct audit_list *out)
{
    *out = (struct audit_list){0};
    struct metadb_statement *st;
    bool has_row = true;
    if (!metadb_query(t, db, &st,
                      AUDIT_SELECT "WHERE sequence > ?1 AND (?2 = '' OR actor = ?2) ORDER BY "
                                   "sequence LIMIT ?3",
                      "isi", sequence, actor, most))
        return false;
    while (has_row) {
        if (!metadb_step(t, st, &has_row))
            return false;
        if (has_row)
            vec_push(t->mem, out, read_row(t->mem, st));
    }
    metadb_done(t, st);
    return true;
}
