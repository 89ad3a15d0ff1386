/* Quarantined rows of an incremental table that a run reads again: behind the last key that the table has, or in a window. They leave
 * the quarantine with its release, and come back where they fail once more, so that no row is there twice. */
#include "buf/buf.h"
#include "limits/limits.h"
#include "run_inside.h"

struct run_rereading {
    struct run *r;
    str name; /* of the table */
    struct worker *worker;
    struct job_columns columns;
    str condition; /* a row is read again; empty: every one is */
};

static void run_add_batch(struct task *t, const struct run_rereading *d, struct engine_job *job,
                          const struct quarantine_row *row)
{
    struct job_view *view = vec_add(t->mem, &job->views);

    *view = (struct job_view){.name = STR("came"), .columns = d->columns};
    vec_push(t->mem, &view->files,
             run_link(t, job, store_file_path(t, d->r->services->store, row->sha256), d->r->id));
}

/* How many rows are read again; of the others, how many each rule diverted. */
static bool run_count_left(struct task *t, const struct run_rereading *d,
                           struct quarantine_row *row, uint64_t *again_out)
{
    struct buf *b = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    struct engine_job job = {0};
    const struct tree *answer;

    buf_format(b, "SELECT count(*) FILTER (WHERE coalesce(%.*s, false))", STR_ARG(d->condition));
    for (size_t i = 0; i < row->rules.len; i++) {
        buf_format(b,
                   ", count(*) FILTER (WHERE NOT coalesce(%.*s, false) AND "
                   "list_contains(string_split(weft_rule, ', '), ",
                   STR_ARG(d->condition));
        buf_add_literal(b, row->rules.at[i].id);
        buf_add(b, STR("))"));
    }
    buf_add(b, STR(" FROM came"));
    job.text = buf_str(b);
    run_add_batch(t, d, &job, row);
    if (!run_ask_row(t, d->worker, &job, false, &answer)) {
        return false;
    }
    bool ok = answer->len == row->rules.len + 1 && str_to_u64(answer->at[0]->text, again_out)
           && *again_out <= row->rows;

    for (size_t i = 0; ok && i < row->rules.len; i++) {
        ok = str_to_u64(answer->at[i + 1]->text, &row->rules.at[i].rows);
    }
    return ok || task_fail(t, ERR_WORKER, "a worker counted rows in an unknown way");
}

static bool run_write_batch(struct task *t, const struct run_rereading *d, struct run_reread *out)
{
    struct row_sink sink = run_progress_sink(t, d->r, d->name);
    struct engine_job job = {.output = JOB_FILE, .columns = d->columns, .keep_order = true};
    struct buf *b = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    struct job_result result;

    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < d->columns.len; i++) {
        buf_add(b, i ? STR(", ") : STR(""));
        buf_add_identifier(b, d->columns.at[i].name);
    }
    buf_format(b, " FROM came WHERE NOT coalesce(%.*s, false) ORDER BY file_row_number",
               STR_ARG(d->condition));
    job.text = buf_str(b);
    job.file = arena_format(t->mem, "kept.%llu.parquet", (unsigned long long)out->row.id);
    run_add_batch(t, d, &job, &out->row);
    out->path = arena_format(t->mem, "%.*s/%.*s", STR_ARG(d->r->staging), STR_ARG(job.file));
    if (!store_room(t, d->r->services->store, 0)
        || !engine_run_uncleared(t, d->worker, &job, &sink, &result)
        || !store_take(t, d->r->services->store, engine_output_path(t, d->worker, job.file),
                       out->path)) {
        return false;
    }
    out->row.rows = result.rows;
    out->row.replaces = out->row.id;
    return true;
}

static bool run_reread_batch(struct task *t, const struct run_rereading *d,
                             const struct quarantine_row *row)
{
    struct run_reread reread = {.row = *row};
    uint64_t again = row->rows;

    if (d->condition.len > 0
        && (!store_check(t, d->r->services->store, row->sha256)
            || !run_count_left(t, d, &reread.row, &again))) {
        return false;
    }
    if (again == 0) {
        return true;
    }
    if (again < row->rows && !run_write_batch(t, d, &reread)) {
        return false;
    }
    vec_push(t->mem, &d->r->reread, reread);
    return true;
}

/* `d` has the columns of the table, and the condition. */
static bool run_reread_table(struct task *t, struct run_rereading *d, uint64_t table_id)
{
    struct quarantine_which which = {.product_id = d->r->target->id, .table_id = table_id};
    struct quarantine_list rows;

    if (!quarantine_find(t, d->r->services->db, &which, &rows)) {
        return false;
    }
    if (rows.len == 0) {
        return true;
    }
    quarantine_columns(t->mem, &d->columns);
    if (!engine_lend(t, d->r->services->engine, WORKER_CLEARING, STR("quarantine"),
                     (struct engine_reach){0}, &d->worker)) {
        return false;
    }
    for (size_t i = 0; i < rows.len; i++) {
        if (!run_reread_batch(t, d, &rows.at[i])) {
            return false;
        }
    }
    engine_return(t, d->worker);
    return true;
}

static bool run_reread_output(struct task *t, struct run *r, const struct run_table *table)
{
    struct run_rereading d = {.r = r, .name = table->name};

    for (size_t i = 0; i < table->columns.len; i++) {
        vec_push(t->mem, &d.columns, table->columns.at[i]);
    }
    d.condition = run_since_condition(t, table->increment, false);
    return run_reread_table(t, &d, table->table->id);
}

/* A source that is read from a key on: its quarantined rows have the columns that it had then. */
static bool run_reread_input(struct task *t, struct run *r, const struct run_table *table)
{
    struct run_rereading d = {.r = r, .name = table->name};
    struct quarantine_input input;

    if (!quarantine_find_input(t, r->services->db, r->target->id, table->schema, table->name,
                               &table->columns, &input)) {
        return false;
    }
    for (size_t i = 0; i < table->columns.len; i++) {
        if (input.columns.at[i] == 0) {
            return input.table_id == 0
                || task_fail(t, ERR_INTERNAL, "quarantined rows of %.*s have other columns",
                             STR_ARG(table->name));
        }
        vec_push(t->mem, &d.columns, table->columns.at[i]);
        d.columns.at[i].id = input.columns.at[i];
    }
    d.condition = run_range_condition(t, &table->range);
    return run_reread_table(t, &d, input.table_id);
}

bool run_find_reread(struct task *t, struct run *r)
{
    for (size_t i = 0; i < r->outputs.len && !r->is_replay; i++) {
        if (r->outputs.at[i].increment != NULL && !run_reread_output(t, r, &r->outputs.at[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < r->staged.len && !r->is_replay; i++) {
        if (r->staged.at[i].is_partial && !run_reread_input(t, r, &r->staged.at[i])) {
            return false;
        }
    }
    return true;
}

bool run_store_reread(struct task *t, struct run *r)
{
    struct stored_file stored;

    for (size_t i = 0; i < r->reread.len; i++) {
        struct run_reread *reread = &r->reread.at[i];

        if (reread->path.len == 0) {
            continue;
        }
        if (!store_publish(t, r->services->store, reread->path, &stored)) {
            return false;
        }
        reread->row.sha256 = stored.sha256;
        reread->row.bytes = stored.bytes;
    }
    return true;
}

bool run_write_reread(struct task *t, struct metadb *db, const struct run *r)
{
    for (size_t i = 0; i < r->reread.len; i++) {
        const struct run_reread *reread = &r->reread.at[i];
        struct quarantine_which which = {.product_id = r->target->id, .id = reread->row.id};
        struct quarantine_list now;

        /* One that was dropped meanwhile stays so. */
        if (!quarantine_find(t, db, &which, &now)) {
            return false;
        }
        if (now.len > 0
            && (!run_drop_quarantine(t, db, r, &which)
                || (reread->path.len > 0
                    && !quarantine_add(t, db, &reread->row, run_candidate_id(r))))) {
            return false;
        }
    }
    return true;
}
