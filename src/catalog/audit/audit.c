#include "audit/audit.h"

#include "clock/clock.h"
#include "crypto/crypto.h"

#define AUDIT_SELECT                                                                               \
    "SELECT sequence, time_us, actor, on_behalf, action, object, outcome, detail, previous_hash, " \
    "hash, version, actor_kind, door, query, record FROM audit "

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
str audit_hash(struct arena *mem, const struct audit_row *row)
{
    struct crypto_hash *hash = crypto_hash_new(mem);
    bool is_first = row->version == 1;
    add_text(hash, is_first ? STR("weft-audit-1") : STR("weft-audit-2"));
    add_number(hash, row->sequence);
    add_number(hash, (uint64_t)row->time_us);
    add_text(hash, row->actor);
    add_text(hash, row->on_behalf);
    add_text(hash, row->action);
    add_text(hash, row->object);
    add_text(hash, row->outcome);
    add_text(hash, row->detail);
    if (!is_first) {
        add_number(hash, row->version);
        add_text(hash, row->actor_kind);
        add_text(hash, row->door);
        add_number(hash, row->query);
        add_text(hash, row->record);
    }
    add_text(hash, row->previous_hash);
    struct crypto_digest digest = crypto_hash_end(hash);
    return crypto_digest_hex(mem, &digest);
}

bool audit_put(struct task *t, struct metadb *db, const struct audit_row *row)
{
    return metadb_run(t, db,
                      "INSERT INTO audit (sequence, time_us, actor, on_behalf, action, object, "
                      "outcome, detail, previous_hash, hash, version, actor_kind, door, query, "
                      "record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      "iissssssssissis", row->sequence, row->time_us, row->actor, row->on_behalf,
                      row->action, row->object, row->outcome, row->detail, row->previous_hash,
                      row->hash, row->version, row->actor_kind, row->door, row->query, row->record);
}

static bool append(struct task *t, struct metadb *db, void *state)
{
    struct audit_row *row = state;
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st, "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1",
                      ""))
        return false;
    bool has_row = metadb_next(t, st);
    row->version = AUDIT_VERSION;
    row->sequence = has_row ? metadb_uint(st, 0) + 1 : 1;
    row->previous_hash = has_row ? metadb_str(t->mem, st, 1) : STR(AUDIT_NOTHING);
    if (!metadb_end(t, st))
        return false;
    row->hash = audit_hash(t->mem, row);
    metadb_pass_before_commit(db, FAULT_AUDIT_WRITE);
    return audit_put(t, db, row);
}

bool audit_add(struct task *t, struct metadb *db, struct audit_row *row)
{
    return metadb_write(t, db, append, row);
}

void audit_fill(struct audit_row *row, const struct actor *actor)
{
    CHECK(actor != NULL);
    row->time_us = clock_now_us();
    row->actor_kind = str_of(actor_kind_name(actor->kind));
    row->actor = actor->name;
    row->on_behalf = actor->on_behalf;
    row->door = actor->door;
}

bool audit_append(struct task *t, struct metadb *db, str action, str object, str outcome,
                  str detail, uint64_t *sequence_out)
{
    struct audit_row row = {
        .action = action, .object = object, .outcome = outcome, .detail = detail};
    audit_fill(&row, t->actor);
    if (!audit_add(t, db, &row))
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
                              .hash = metadb_str(mem, st, 9),
                              .version = metadb_uint(st, 10),
                              .actor_kind = metadb_str(mem, st, 11),
                              .door = metadb_str(mem, st, 12),
                              .query = metadb_uint(st, 13),
                              .record = metadb_str(mem, st, 14)};
}

static bool read_rows(struct task *t, struct metadb_statement *st, struct audit_list *out)
{
    *out = (struct audit_list){0};
    while (metadb_next(t, st)) {
        if (!task_go_on(t))
            return false;
        vec_push(t->mem, out, read_row(t->mem, st));
    }
    return metadb_end(t, st);
}

bool audit_after(struct task *t, struct metadb *db, uint64_t sequence, uint64_t most,
                 struct audit_list *out)
{
    struct metadb_statement *st;
    return metadb_query(t, db, &st, AUDIT_SELECT "WHERE sequence > ? ORDER BY sequence LIMIT ?",
                        "ii", sequence, most)
        && read_rows(t, st, out);
}

/* Rows of one's own are those of a user: an operator's name, or a product's, is another world's. */
#define AUDIT_FITS                                                                                 \
    "WHERE sequence > ?1 AND (?2 = '' OR actor = ?2 OR on_behalf = ?2)"                            \
    " AND (?3 = '' OR action = ?3 OR substr(action, 1, length(?3) + 1) = ?3 || '.')"               \
    " AND (?4 = '' OR object = ?4 OR EXISTS (SELECT 1 FROM query_table q"                          \
    "     WHERE audit.query <> 0 AND q.query = audit.query"                                        \
    "     AND (q.address = ?4 OR substr(q.address, 1, length(?4) + 1) = ?4 || '.')))"              \
    " AND (?5 = 0 OR time_us >= ?5) AND (?6 = 0 OR time_us < ?6)"                                  \
    " AND (?7 = '' OR (actor = ?7 AND actor_kind = 'user')"                                        \
    "     OR (action = 'query' AND EXISTS (SELECT 1 FROM query_table q"                            \
    "         WHERE q.query = audit.query"                                                         \
    "         AND q.table_id IN (SELECT value FROM json_each(?8))))) "

bool audit_find(struct task *t, struct metadb *db, const struct audit_filter *filter,
                struct audit_list *out)
{
    const char *sql = filter->is_newest ? "SELECT * FROM (" AUDIT_SELECT AUDIT_FITS
                                          "ORDER BY sequence DESC LIMIT ?9) ORDER BY 1"
                                        : AUDIT_SELECT AUDIT_FITS "ORDER BY sequence LIMIT ?9";
    struct metadb_statement *st;
    return metadb_query(t, db, &st, sql, "isssiissi", filter->after, filter->actor, filter->action,
                        filter->object, filter->since_us, filter->until_us, filter->own,
                        filter->owned_tables.len > 0 ? filter->owned_tables : STR("[]"),
                        filter->most)
        && read_rows(t, st, out);
}
