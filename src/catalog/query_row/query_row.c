#include "query_row/query_row.h"

#include <stdlib.h>

#include "actor/actor.h"
#include "audit/audit.h"
#include "buf/buf.h"
#include "clock/clock.h"
#include "crypto/crypto.h"
#include "limits/limits.h"
#include "log/log.h"

/* Room for one row's JSON: names of every linked file and of every column read. */
enum { QUERY_ROW_JSON_BYTES_MAX = FRAME_BYTES_MAX };

static void add_names(struct buf *b, const struct str_list *names)
{
    buf_add_byte(b, '[');
    for (size_t i = 0; i < names->len; i++) {
        if (i > 0)
            buf_add_byte(b, ',');
        buf_add_json(b, names->at[i]);
    }
    buf_add_byte(b, ']');
}

/* What the audit binds: the query's digest and what it was let see. */
static str audit_detail(struct arena *mem, const struct query_row *row)
{
    struct buf *b = buf_new(mem, QUERY_ROW_JSON_BYTES_MAX);
    buf_add(b, STR("{\"purpose\":"));
    buf_add_json(b, row->purpose);
    buf_format(b, ",\"digest\":\"" STR_FMT "\",\"policyVersion\":%llu,\"error\":",
               STR_ARG(row->digest), (unsigned long long)row->policy_version);
    buf_add_json(b, row->error);
    buf_add(b, STR(",\"tables\":["));
    for (size_t i = 0; i < row->tables.len; i++) {
        const struct query_row_table *table = &row->tables.at[i];
        buf_add(b, i > 0 ? STR(",{\"table\":") : STR("{\"table\":"));
        buf_add_json(b, table->address);
        buf_format(b, ",\"release\":%llu,\"class\":", (unsigned long long)table->release);
        buf_add_json(b, table->class_id);
        buf_add(b, STR(",\"linked\":"));
        add_names(b, &table->files);
        buf_add(b, STR(",\"read\":["));
        for (size_t j = 0; j < table->columns.len; j++) {
            if (j > 0)
                buf_add_byte(b, ',');
            buf_add_json(b, table->columns.at[j].name);
        }
        buf_add(b, STR("]}"));
    }
    buf_add(b, STR("]}"));
    CHECK(!b->full);
    return buf_str(b);
}

static bool insert_table(struct task *t, struct metadb *db, const struct query_row *row,
                         size_t position)
{
    const struct query_row_table *table = &row->tables.at[position];
    struct buf *files = buf_new(t->mem, QUERY_ROW_JSON_BYTES_MAX);
    add_names(files, &table->files);
    if (!metadb_run(t, db, "INSERT INTO query_table VALUES (?, ?, ?, ?, ?, ?, ?)", "iiIsiSs",
                    row->sequence, (uint64_t)position, table->table_id, table->address,
                    table->release, table->class_id, buf_str(files)))
        return false;
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct query_row_column *column = &table->columns.at[i];
        if (!metadb_run(t, db,
                        "INSERT INTO query_column VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                        "iisIiI", row->sequence, (uint64_t)position, column->name, table->table_id,
                        table->release, (uint64_t)column->id))
            return false;
    }
    return true;
}

static bool insert(struct task *t, struct metadb *db, void *state)
{
    struct query_row *row = state;
    if (!metadb_run(
            t, db,
            "INSERT INTO query (id, time_us, actor, on_behalf, purpose, text, digest, "
            "policy_version, outcome, error, duration_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, "
            "?, ?)",
            "sisssssisSi", row->id, row->time_us, row->actor, row->on_behalf, row->purpose,
            row->text, row->digest, row->policy_version, row->outcome, row->error,
            row->duration_us))
        return false;
    row->sequence = metadb_last_id(db);
    for (size_t i = 0; i < row->tables.len; i++)
        if (!insert_table(t, db, row, i))
            return false;
    str outcome = str_eq(row->outcome, STR("running")) ? STR("allowed") : row->outcome;
    return audit_append(t, db, STR("query"), row->id, outcome, audit_detail(t->mem, row), NULL);
}

static void fill(struct task *t, struct query_row *row)
{
    CHECK(t->actor != NULL);
    struct crypto_digest digest = crypto_sha256(row->text);
    row->digest = crypto_digest_hex(t->mem, &digest);
    row->actor = t->actor->name;
    row->on_behalf = t->actor->on_behalf;
    row->purpose = t->actor->purpose;
    if (row->time_us == 0)
        row->time_us = clock_now_us();
    if (row->id.len == 0)
        row->id = str_of(t->id);
}

struct metadb_ticket *query_row_announce(struct task *t, struct metadb *db, struct query_row *row)
{
    fill(t, row);
    row->outcome = STR("running");
    return metadb_write_begin(t, db, insert, row);
}

bool query_row_announced(struct task *t, struct metadb_ticket *ticket)
{
    return metadb_write_end(t, ticket);
}

bool query_row_refuse(struct task *t, struct metadb *db, struct query_row *row)
{
    struct error kept = t->err;
    fill(t, row);
    row->error = str_of(error_name(kept.code));
    if (row->outcome.len == 0)
        row->outcome = kept.code == ERR_DENIED || kept.code == ERR_REFUSED ? STR("denied")
                     : kept.code == ERR_CANCELLED                          ? STR("cancelled")
                                                                           : STR("failed");
    task_clear_error(t);
    bool ok = metadb_write(t, db, insert, row);
    if (!ok)
        log_failure("query_row", t);
    t->err = kept;
    return ok;
}

struct query_end {
    uint64_t sequence;
    char outcome[16];
    enum error_code error;
    uint64_t rows, bytes;
    int64_t duration_us;
};

static bool end(struct task *t, struct metadb *db, void *state)
{
    const struct query_end *e = state;
    return metadb_run(
        t, db,
        "UPDATE query SET outcome = ?, error = ?, rows = ?, bytes = ?, duration_us = ? "
        "WHERE sequence = ?",
        "sSiiii", str_of(e->outcome),
        e->error != ERR_NONE ? str_of(error_name(e->error)) : STR_NONE, e->rows, e->bytes,
        e->duration_us, e->sequence);
}

void query_row_end(struct metadb *db, uint64_t sequence, str outcome, enum error_code error,
                   uint64_t rows, uint64_t bytes, int64_t duration_us)
{
    struct query_end *e = calloc(1, sizeof *e);
    CHECK(e != NULL && outcome.len < sizeof e->outcome);
    *e = (struct query_end){.sequence = sequence,
                            .error = error,
                            .rows = rows,
                            .bytes = bytes,
                            .duration_us = duration_us};
    memcpy(e->outcome, outcome.ptr, outcome.len);
    metadb_post(db, end, e, free);
}

static bool recover(struct task *t, struct metadb *db, void *state)
{
    uint64_t *count = state;
    bool ok =
        metadb_run(t, db, "UPDATE query SET outcome = 'unknown' WHERE outcome = 'running'", "");
    *count = metadb_changes(db);
    return ok;
}

bool query_row_recover(struct task *t, struct metadb *db, uint64_t *count_out)
{
    return metadb_write(t, db, recover, count_out);
}

bool query_row_list(struct task *t, struct metadb *db, str actor, uint64_t most,
                    struct query_row_list *out)
{
    *out = (struct query_row_list){0};
    struct metadb_statement *st;
    bool has_row = true;
    if (!metadb_query(
            t, db, &st,
            "SELECT sequence, id, time_us, actor, on_behalf, purpose, text, digest, "
            "policy_version, outcome, error, rows, bytes, duration_us FROM query WHERE ?1 = "
            "'' OR actor = ?1 ORDER BY sequence DESC LIMIT ?2",
            "si", actor, most != 0 ? (int64_t)most : (int64_t)-1))
        return false;
    while (has_row) {
        if (!metadb_step(t, st, &has_row))
            return false;
        if (!has_row)
            break;
        struct query_row *row = ARENA_NEW(t->mem, struct query_row);
        *row = (struct query_row){.sequence = metadb_uint(st, 0),
                                  .id = metadb_str(t->mem, st, 1),
                                  .time_us = metadb_int(st, 2),
                                  .actor = metadb_str(t->mem, st, 3),
                                  .on_behalf = metadb_str(t->mem, st, 4),
                                  .purpose = metadb_str(t->mem, st, 5),
                                  .text = metadb_str(t->mem, st, 6),
                                  .digest = metadb_str(t->mem, st, 7),
                                  .policy_version = metadb_uint(st, 8),
                                  .outcome = metadb_str(t->mem, st, 9),
                                  .error = metadb_str(t->mem, st, 10),
                                  .rows = metadb_uint(st, 11),
                                  .bytes = metadb_uint(st, 12),
                                  .duration_us = metadb_int(st, 13)};
        vec_push(t->mem, out, row);
    }
    metadb_done(t, st);
    return true;
}
