/* Quarantined rows of an incremental table that a run reads again: behind the last key that the table has, in a window, or wherever its
 * text looks. They leave the quarantine with its release, and come back where they fail once more, so that no row is there twice. */
#include "buf/buf.h"
#include "limits/limits.h"
#include "run_inside.h"

enum { REREAD_SQL_BYTES_MAX = 4 << 20 };

struct run_rereading {
    struct run *r;
    str name; /* of the table */
    struct worker *worker;
    const struct run_table *came; /* what the run read, where that tells more; or NULL */
    struct job_columns columns;
    str condition; /* a row is read again; empty: every one is */
};

static bool run_is_too_long(struct task *t, const struct run_rereading *d, const struct buf *b)
{
    return b->full
        && !task_fail(t, ERR_LIMIT, "the columns of %.*s are too many to compare quarantined rows",
                      STR_ARG(d->name));
}

static void run_add_batch(struct task *t, const struct run_rereading *d, struct engine_job *job,
                          const struct quarantine_row *row)
{
    struct job_view *view = vec_add(t->mem, &job->views);

    *view = (struct job_view){.name = STR("before"), .columns = d->columns};
    vec_push(t->mem, &view->files,
             run_link(t, job, store_file_path(t, d->r->services->store, row->sha256), d->r->id));
    if (d->came != NULL) {
        view = vec_add(t->mem, &job->views);
        *view = (struct job_view){.name = STR("came"), .columns = d->came->columns};
        vec_push(t->mem, &view->files, run_link(t, job, d->came->path, d->r->id));
    }
}

/* How many rows are read again; of the others, how many each rule diverted. */
static bool run_count_left(struct task *t, const struct run_rereading *d,
                           struct quarantine_row *row, uint64_t *again_out)
{
    struct buf *b = buf_new(t->mem, REREAD_SQL_BYTES_MAX);
    struct engine_job job = {0};
    const struct tree *answer;

    buf_add(b, STR("SELECT count(*) FILTER (WHERE \"#again\")"));
    for (size_t i = 0; i < row->rules.len; i++) {
        buf_add(b, STR(", count(*) FILTER (WHERE NOT \"#again\" AND "
                       "list_contains(string_split(weft_rule, ', '), "));
        buf_add_literal(b, row->rules.at[i].id);
        buf_add(b, STR("))"));
    }
    buf_format(b, " FROM (SELECT weft_rule, coalesce(%.*s, false) AS \"#again\" FROM before)",
               STR_ARG(d->condition));
    job.text = buf_str(b);
    run_add_batch(t, d, &job, row);
    if (run_is_too_long(t, d, b) || !run_ask_row(t, d->worker, &job, false, &answer)) {
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
    struct buf *b = buf_new(t->mem, REREAD_SQL_BYTES_MAX);
    struct job_result result;

    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < d->columns.len; i++) {
        buf_add(b, i ? STR(", ") : STR(""));
        buf_add_identifier(b, d->columns.at[i].name);
    }
    buf_format(b, " FROM before WHERE NOT coalesce(%.*s, false) ORDER BY file_row_number",
               STR_ARG(d->condition));
    job.text = buf_str(b);
    job.file = arena_format(t->mem, "kept.%llu.parquet", (unsigned long long)out->row.id);
    run_add_batch(t, d, &job, &out->row);
    out->path = arena_format(t->mem, "%.*s/%.*s", STR_ARG(d->r->staging), STR_ARG(job.file));
    if (run_is_too_long(t, d, b) || !store_room(t, d->r->services->store, 0)
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

/* One that came again: of a merge the same version of a row, else the same row. */
static void run_add_came(const struct run_table *table, struct buf *b)
{
    const struct contract_incremental *how = &table->increment->definition->incremental;
    bool is_first = true;

    buf_add(b, STR(" OR file_row_number IN (SELECT \"#b\".file_row_number FROM before AS \"#b\" "
                   "SEMI JOIN came AS \"#c\" ON "));
    for (size_t i = 0; i < table->columns.len; i++) {
        str name = table->columns.at[i].name;
        const struct contract_column *of = contract_find_column(table->definition, name);

        if (how->mode == INCREMENTAL_MERGE && !str_eq(name, how->key)
            && (of == NULL || of->primary_key == 0)) {
            continue;
        }
        buf_add(b, is_first ? STR("\"#b\".") : STR(" AND \"#b\"."));
        buf_add_identifier(b, name);
        buf_add(b, STR(" IS NOT DISTINCT FROM \"#c\"."));
        buf_add_identifier(b, name);
        is_first = false;
    }
    buf_add(b, STR(")"));
}

/* A table without SQL reads what lies behind the key, or in the window, and of a merge what has the very key. What a text reads beside
 * that is seen in what came. */
static bool run_reread_output(struct task *t, struct run *r, const struct run_table *table)
{
    struct run_rereading d = {.r = r, .name = table->name};
    struct run_increment behind = *table->increment;
    bool is_passed = model_is_passed_through(r->target->definition, table->name);
    struct buf *b = buf_new(t->mem, REREAD_SQL_BYTES_MAX);

    for (size_t i = 0; i < table->columns.len; i++) {
        vec_push(t->mem, &d.columns, table->columns.at[i]);
    }
    behind.is_low_in = behind.is_low_in && (is_passed || behind.is_window);
    buf_format(b, "(%.*s)", STR_ARG(run_since_condition(t, &behind, is_passed)));
    if (!is_passed) {
        d.came = table;
        run_add_came(table, b);
    }
    d.condition = buf_str(b);
    return !run_is_too_long(t, &d, b) && run_reread_table(t, &d, table->table->id);
}

/* Rows without a key are always read. */
static str run_read_condition(struct task *t, const struct source_range *range)
{
    struct buf *b = buf_new(t->mem, REREAD_SQL_BYTES_MAX);

    buf_format(b, "(%.*s) OR ", STR_ARG(run_range_condition(t, range)));
    buf_add_identifier(b, range->column->name);
    buf_add(b, STR(" IS NULL"));
    return buf_str(b);
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
    d.condition = run_read_condition(t, &table->range);
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
