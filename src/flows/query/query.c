#include "query/query.h"

#include "actor/actor.h"
#include "clock/clock.h"
#include "contract/contract_change.h"
#include "crypto/crypto.h"
#include "deprecation/deprecation.h"
#include "log/log.h"
#include "query_inside.h"
#include "query_row/query_row.h"

static bool query_begin(struct task *t, struct query *q);
static bool query_parse(struct task *t, struct query *q);
static bool query_clear(struct task *t, struct query *q, struct row_sink *sink);
static bool query_announce(struct task *t, struct query *q);
static bool query_execute(struct task *t, struct query *q, struct row_sink *sink);
static void query_close(struct task *t, struct query *q, bool ok);

/* The walk reads as a table. */
/* clang-format off */
bool query_run(struct task *t, struct query *q, struct row_sink *sink)
{
    bool ok = query_begin(t, q)              /* a turn, a deadline, a worker of this actor           */
           && query_parse(t, q)              /* text -> one SELECT tree, by the worker               */
           && query_clear(t, q, sink)        /* tree -> decisions -> cleared files, through the gate */
           && query_announce(t, q)           /* query and audit rows, handed to the writer           */
           && query_execute(t, q, sink);     /* the same text over those files -> sink; the first
                                                byte leaves when the audit row is safe               */
    query_close(t, q, ok);                   /* outcome; unpin; worker back; keeps t->err            */
    return ok;
}
/* clang-format on */

/* Who asks may want less than the setting allows, never more. */
static uint64_t query_limit(uint64_t wanted, int64_t most)
{
    return wanted == 0 || wanted > (uint64_t)most ? (uint64_t)most : wanted;
}

bool query_has_purpose(struct task *t, const struct services *s)
{
    const struct image *image = image_pin(t, s->images);
    str purpose = t->actor->purpose;

    if (purpose.len == 0
        || (image->model != NULL && str_list_has(&image->model->mesh.purposes, purpose))) {
        return true;
    }
    task_fail(t, ERR_INVALID, "%.*s is no purpose of this mesh", STR_ARG(purpose));
    return image->model != NULL && image->model->mesh.purposes.len > 0
        && task_hint(t, "purposes: %.*s",
                     STR_ARG(str_list_join(t->mem, &image->model->mesh.purposes, STR(", "))));
}

static bool query_take_turn(struct task *t, struct query *q)
{
    q->has_turn = turns_take(t, q->services->queries,
                             CONFIG_INT(q->services->config, query_wait_ms), "queries");
    return q->has_turn;
}

static bool query_begin(struct task *t, struct query *q)
{
    const struct config *config = q->services->config;
    int64_t timeout_ms = q->timeout_ms ? q->timeout_ms : CONFIG_INT(config, query_timeout_ms);
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;

    q->started_us = clock_now_us();
    if (t->deadline_ms == 0 || t->deadline_ms > deadline_ms) {
        t->deadline_ms = deadline_ms;
    }
    q->rows_max_is_asked =
        q->rows_max > 0 && q->rows_max < (uint64_t)CONFIG_INT(config, query_rows_max);
    q->rows_max = query_limit(q->rows_max, CONFIG_INT(config, query_rows_max));
    q->bytes_max = query_limit(q->bytes_max, CONFIG_INT(config, query_bytes_max));
    return query_has_purpose(t, q->services) && query_take_turn(t, q)
        && engine_lend(t, q->services->engine, WORKER_CONSUMER, actor_key(t->mem, t->actor),
                       (struct engine_reach){0}, &q->worker);
}

static bool query_parse(struct task *t, struct query *q)
{
    return gate_parse(t, q->worker, q->text, &q->tree);
}

static bool query_find_beginning(struct task *t, struct query *q, const struct image_table *table,
                                 int64_t *out)
{
    return deprecation_since(t, q->services->db, table->product->address, table->contract->id,
                             contract_major(table->contract->version), out);
}

static bool query_find_notices(struct task *t, struct query *q)
{
    for (size_t i = 0; i < q->clear->tables.len; i++) {
        const struct clearance_table *table = &q->clear->tables.at[i];
        int64_t sunset_us = 0;
        str notice = table->table != NULL && !table->is_past
                       ? gate_notice(t->mem, table->table, q->started_us, &sunset_us)
                       : STR_NONE;

        if (notice.len > 0) {
            int64_t since_us;

            str_list_add(t->mem, &q->notices, notice);
            if (!query_find_beginning(t, q, table->table, &since_us)) {
                return false;
            }
            if (since_us > 0 && (q->deprecated_us == 0 || since_us < q->deprecated_us)) {
                q->deprecated_us = since_us;
            }
        }
        if (sunset_us > 0 && (q->sunset_us == 0 || sunset_us < q->sunset_us)) {
            q->sunset_us = sunset_us;
        }
    }
    return true;
}

static bool query_clear(struct task *t, struct query *q, struct row_sink *sink)
{
    return gate_clear(t, q->services->gate, q->tree, NULL, sink, &q->clear)
        && query_find_notices(t, q);
}

/* Columns by id where the table has ids. */
static void query_describe_columns(struct arena *mem, const struct clearance_table *table,
                                   struct query_row_table *out)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct job_column *column = &table->columns.at[i];

        if (str_list_has(&table->columns_read, column->name)) {
            vec_push(mem, &out->columns,
                     ((struct query_row_column){.id = column->id, .name = column->name}));
        }
    }
}

static void query_describe_table(struct arena *mem, const struct clearance_table *table,
                                 struct query_row_table *out)
{
    out->table_id = table->table ? table->table->id : 0;
    out->address =
        arena_format(mem, "%.*s%s%.*s.%.*s", STR_ARG(table->catalog), table->catalog.len ? "." : "",
                     STR_ARG(table->schema), STR_ARG(table->name));
    out->release = table->release;
    out->class_id = table->class_id;
    for (size_t i = 0; i < table->paths.len; i++) {
        str folder, name, parent, class_id;

        (void)str_cut_last(table->paths.at[i], '/', &folder, &name);
        (void)str_cut_last(folder, '/', &parent, &class_id);
        /* Copies of several classes, one a value, have one name: that of their origin. */
        vec_push(mem, &out->files,
                 class_id.len == CRYPTO_SHA256_HEX
                     ? arena_format(mem, "%.*s/%.*s", STR_ARG(class_id), STR_ARG(name))
                     : name);
    }
    query_describe_columns(mem, table, out);
    query_describe_policies(mem, &table->decision, out);
}

static struct query_row *query_describe(struct task *t, const struct query *q)
{
    struct query_row *row = ARENA_NEW(t->mem, struct query_row);

    row->id = str_of(t->id);
    row->time_us = q->started_us;
    row->environment = q->services->environment;
    row->text = query_recorded_text(t, q);
    if (q->clear != NULL) {
        row->policy_version = q->clear->policy_version;
        for (size_t i = 0; i < q->clear->tables.len; i++) {
            query_describe_table(t->mem, &q->clear->tables.at[i], vec_add(t->mem, &row->tables));
        }
    }
    return row;
}

/* The writer takes the row to disk while the engine begins to work. */
static bool query_announce(struct task *t, struct query *q)
{
    q->row = query_describe(t, q);
    q->ticket = query_row_announce(t, services_mesh(q->services)->db, q->row);
    return true;
}

/* Once: true when the announcement is on disk. */
static bool query_is_announced(struct task *t, struct query *q)
{
    struct metadb_ticket *ticket = q->ticket;

    q->ticket = NULL;
    if (ticket == NULL || query_row_announced(t, ticket)) {
        return true;
    }
    /* What was undone with its transaction has no number any more: the next row gets it. */
    q->row->sequence = 0;
    return false;
}

/* The caller's sink behind a door that opens when the audit row is safe. */
struct query_sink {
    struct query *q;
    struct row_sink *sink;
};

static bool query_sink_begin(struct task *t, void *state, const struct row_column *columns,
                             size_t len)
{
    struct query_sink *s = state;

    return query_is_announced(t, s->q) && s->sink->begin(t, s->sink->state, columns, len);
}

static bool query_sink_bytes(struct task *t, void *state, str bytes)
{
    struct query_sink *s = state;

    return s->sink->bytes(t, s->sink->state, bytes);
}

static bool query_sink_end(struct task *t, void *state, uint64_t rows)
{
    struct query_sink *s = state;

    return s->sink->end(t, s->sink->state, rows);
}

static void query_sink_abort(struct task *t, void *state)
{
    struct query_sink *s = state;

    s->sink->abort(t, s->sink->state);
}

static bool query_execute(struct task *t, struct query *q, struct row_sink *sink)
{
    struct query_sink guarded = {.q = q, .sink = sink};
    struct row_sink outer = {
        .state = &guarded,
        .begin = query_sink_begin,
        .bytes = query_sink_bytes,
        .end = query_sink_end,
        .abort = query_sink_abort,
    };
    struct engine_job job = {
        .output = JOB_ROWS,
        .format = q->format,
        .keep_order = true,
        .rows_max = q->rows_max,
        .rows_max_is_asked = q->rows_max_is_asked,
        .bytes_max = q->bytes_max,
    };

    gate_fill_job(t, q->clear, &job);
    if (engine_run(t, q->worker, &job, &outer, &q->result)) {
        return true;
    }
    /* An engine's error speaks of data too: it waits for the audit like a row, and gives way to the audit's own. */
    (void)query_is_announced(t, q);
    return false;
}

static const char *query_outcome(enum error_code code)
{
    switch (code) {
    case ERR_NONE:
        return "done";
    case ERR_DENIED:
    case ERR_REFUSED:
        return "denied";
    case ERR_CANCELLED:
        return "cancelled";
    default:
        return "failed";
    }
}

static void query_close(struct task *t, struct query *q, bool ok)
{
    /* A worker that was killed, or our own cancel, has this reason. */
    if (!ok) {
        (void)gate_withdrawn(t, q->services->gate);
    }
    enum error_code code = ok ? ERR_NONE : t->err.code;

    if (q->worker != NULL) {
        engine_return(t, q->worker);
    }
    if (q->row != NULL && q->row->sequence != 0) {
        query_row_end(services_mesh(q->services)->db, q->row, str_of(query_outcome(code)), code,
                      q->result.rows, q->result.bytes, clock_now_us() - q->started_us);
    } else if (!query_row_refuse(t, services_mesh(q->services)->db, query_describe(t, q))) {
        /* The answer is a refusal already; that it could not be recorded is the operator's to know. */
        log_failure("query", t);
    }
    /* Who asks again upon the answer is not one too many. */
    if (q->has_turn) {
        turns_give(t, q->services->queries);
    }
}
