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

static void add_policies(struct buf *b, const struct query_row_table *table)
{
    buf_add_byte(b, '[');
    for (size_t i = 0; i < table->policies.len; i++) {
        buf_add(b, i > 0 ? STR(",{\"effect\":") : STR("{\"effect\":"));
        buf_add_json(b, table->policies.at[i].effect);
        buf_add(b, STR(",\"policy\":"));
        buf_add_json(b, table->policies.at[i].policy);
        buf_add_byte(b, '}');
    }
    buf_add_byte(b, ']');
}

void query_row_classes(struct arena *mem, const struct query_row_table *table, struct str_list *out)
{
    struct str_list all = {0};
    bool has_copies = false;
    *out = (struct str_list){0};
    for (size_t i = 0; i < table->files.len; i++) {
        str class_id, name;
        if (!str_cut(table->files.at[i], '/', &class_id, &name))
            continue;
        /* Copies of one class follow each other more often than not. */
        if (!has_copies || !str_eq(class_id, all.at[all.len - 1]))
            vec_push(mem, &all, class_id);
        has_copies = true;
    }
    /* Rows of the first version name files without their classes. */
    if (!has_copies && table->files.len > 0 && table->class_id.len > 0)
        vec_push(mem, &all, table->class_id);
    str_list_sort(&all);
    for (size_t i = 0; i < all.len; i++)
        if (i == 0 || !str_eq(all.at[i], all.at[i - 1]))
            vec_push(mem, out, all.at[i]);
}

static void add_table(struct arena *mem, struct buf *b, const struct query_row_table *table)
{
    struct str_list classes;
    query_row_classes(mem, table, &classes);
    buf_add(b, STR("{\"table\":"));
    buf_add_json(b, table->address);
    buf_format(b, ",\"release\":%llu,\"classes\":", (unsigned long long)table->release);
    add_names(b, &classes);
    buf_add(b, STR(",\"linked\":"));
    add_names(b, &table->files);
    buf_add(b, STR(",\"read\":["));
    for (size_t i = 0; i < table->columns.len; i++) {
        if (i > 0)
            buf_add_byte(b, ',');
        buf_add_json(b, table->columns.at[i].name);
    }
    buf_add(b, STR("],\"policies\":"));
    add_policies(b, table);
    buf_add_byte(b, '}');
}

/* What can be read without the query's own rows. */
static str audit_detail(struct arena *mem, const struct query_row *row)
{
    struct buf *b = buf_new(mem, QUERY_ROW_JSON_BYTES_MAX);
    buf_add(b, STR("{\"purpose\":"));
    buf_add_json(b, row->purpose);
    buf_format(b, ",\"digest\":\"" STR_FMT "\",\"policyVersion\":%llu,\"error\":",
               STR_ARG(row->digest), (unsigned long long)row->policy_version);
    buf_add_json(b, row->error);
    if (row->environment.len > 0) {
        buf_add(b, STR(",\"environment\":"));
        buf_add_json(b, row->environment);
    }
    buf_add(b, STR(",\"tables\":["));
    for (size_t i = 0; i < row->tables.len; i++) {
        if (i > 0)
            buf_add_byte(b, ',');
        add_table(mem, b, &row->tables.at[i]);
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
    struct buf *policies = buf_new(t->mem, QUERY_ROW_JSON_BYTES_MAX);
    add_names(files, &table->files);
    add_policies(policies, table);
    if (!metadb_run(t, db,
                    "INSERT INTO query_table (query, position, table_id, address, release, "
                    "class_id, files, policies) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    "iiIsiSss", row->sequence, (uint64_t)position, table->table_id, table->address,
                    table->release, table->class_id, buf_str(files), buf_str(policies)))
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
    bool is_refused = !str_eq(row->outcome, STR("running"));
    struct audit_row audit = {.time_us = clock_now_us(),
                              .actor_kind = row->actor_kind,
                              .actor = row->actor,
                              .on_behalf = row->on_behalf,
                              .door = row->door,
                              .action = STR("query"),
                              .object = row->id,
                              .outcome = is_refused ? row->outcome : STR("allowed")};
    if (!metadb_run(t, db,
                    "INSERT INTO query (id, time_us, actor_kind, actor, on_behalf, door, purpose, "
                    "text, digest, policy_version, outcome, error, duration_us) VALUES (?, ?, ?, "
                    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    "sisssssssisSi", row->id, row->time_us, row->actor_kind, row->actor,
                    row->on_behalf, row->door, row->purpose, row->text, row->digest,
                    row->policy_version, row->outcome, row->error, row->duration_us))
        return false;
    row->sequence = metadb_last_id(db);
    for (size_t i = 0; i < row->tables.len; i++)
        if (!insert_table(t, db, row, i))
            return false;
    /* Taken from what was written, as whoever verifies will. */
    audit.query = row->sequence;
    audit.detail = audit_detail(t->mem, row);
    return query_row_record(t, db, row->sequence, is_refused, &audit.record)
        && audit_add(t, db, &audit);
}

static void fill(struct task *t, struct query_row *row)
{
    CHECK(t->actor != NULL);
    struct crypto_digest digest = crypto_sha256(row->text);
    row->digest = crypto_digest_hex(t->mem, &digest);
    row->actor_kind = str_of(actor_kind_name(t->actor->kind));
    row->door = t->actor->door;
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

/* What outlives the task of the query: the texts lie behind the struct. */
struct query_end {
    struct audit_row audit;
    str outcome;
    enum error_code error;
    uint64_t rows, bytes;
    int64_t duration_us;
};

static bool append_end(struct task *t, struct metadb *db, struct audit_row *audit, uint64_t rows,
                       uint64_t bytes, str error)
{
    struct buf *b = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    buf_format(b, "{\"rows\":%llu,\"bytes\":%llu,\"error\":", (unsigned long long)rows,
               (unsigned long long)bytes);
    buf_add_json(b, error);
    buf_add_byte(b, '}');
    audit->time_us = clock_now_us();
    audit->action = STR("query.end");
    audit->detail = buf_str(b);
    return query_row_end_record(t, db, audit->query, &audit->record) && audit_add(t, db, audit);
}

static bool end(struct task *t, struct metadb *db, void *state)
{
    struct query_end *e = state;
    str error = e->error != ERR_NONE ? str_of(error_name(e->error)) : STR_NONE;
    return metadb_run(
               t, db,
               "UPDATE query SET outcome = ?, error = ?, rows = ?, bytes = ?, duration_us = ? "
               "WHERE sequence = ?",
               "sSiiii", e->audit.outcome, error, e->rows, e->bytes, e->duration_us, e->audit.query)
        && append_end(t, db, &e->audit, e->rows, e->bytes, error);
}

static str copy_behind(char **room, str text)
{
    char *copy = *room;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    *room += text.len;
    return (str){copy, text.len};
}

void query_row_end(struct metadb *db, const struct query_row *row, str outcome,
                   enum error_code error, uint64_t rows, uint64_t bytes, int64_t duration_us)
{
    size_t texts = row->actor_kind.len + row->actor.len + row->on_behalf.len + row->door.len
                 + row->id.len + outcome.len;
    struct query_end *e = calloc(1, sizeof *e + texts);
    CHECK(e != NULL);
    char *room = (char *)(e + 1);
    *e = (struct query_end){.audit = {.actor_kind = copy_behind(&room, row->actor_kind),
                                      .actor = copy_behind(&room, row->actor),
                                      .on_behalf = copy_behind(&room, row->on_behalf),
                                      .door = copy_behind(&room, row->door),
                                      .object = copy_behind(&room, row->id),
                                      .outcome = copy_behind(&room, outcome),
                                      .query = row->sequence},
                            .error = error,
                            .rows = rows,
                            .bytes = bytes,
                            .duration_us = duration_us};
    metadb_post(db, end, e, free);
}

/* Who asked stays who asked; that the end is unknown is what this server says. */
static bool recover(struct task *t, struct metadb *db, void *state)
{
    uint64_t *count = state;
    struct metadb_statement *st;
    struct {
        VEC_OF(struct audit_row)
    } ends = {0};
    if (!metadb_query(t, db, &st,
                      "SELECT sequence, id, actor_kind, actor, on_behalf, door FROM query "
                      "WHERE outcome = 'running' ORDER BY sequence",
                      ""))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, &ends,
                 ((struct audit_row){.query = metadb_uint(st, 0),
                                     .object = metadb_str(t->mem, st, 1),
                                     .actor_kind = metadb_str(t->mem, st, 2),
                                     .actor = metadb_str(t->mem, st, 3),
                                     .on_behalf = metadb_str(t->mem, st, 4),
                                     .door = metadb_str(t->mem, st, 5),
                                     .outcome = STR("unknown")}));
    if (!metadb_end(t, st))
        return false;
    bool ok =
        metadb_run(t, db, "UPDATE query SET outcome = 'unknown' WHERE outcome = 'running'", "");
    for (size_t i = 0; i < ends.len && ok; i++)
        ok = append_end(t, db, &ends.at[i], 0, 0, STR_NONE);
    *count = ends.len;
    return ok;
}

bool query_row_recover(struct task *t, struct metadb *db, uint64_t *count_out)
{
    return metadb_write(t, db, recover, count_out);
}
