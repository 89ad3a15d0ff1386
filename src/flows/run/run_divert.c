/* Rows that fail a rule of `onFailure: quarantine` go into a file of their own, with the rule and its demand, and what is left goes on.
 * Which rows those are is written first, so that both files are of one answer. */
#include "buf/buf.h"
#include "clock/clock.h"
#include "fault/fault.h"
#include "limits/limits.h"
#include "run_inside.h"

enum { DIVERT_SQL_BYTES_MAX = 4 << 20, MILLION = 1000000 };

struct run_diverting {
    struct run *r;
    struct run_table *table;
    struct run_diverted *out;
    struct worker *worker;
    str marks, gone; /* paths: which row fails what; the numbers of those rows */
};

static bool run_has_diverting(const struct run_table *table)
{
    for (size_t i = 0; i < table->definition->rules.len; i++) {
        if (table->definition->rules.at[i].effect == RULE_QUARANTINES) {
            return true;
        }
    }
    return false;
}

/* ---- which rules fail */

static bool run_judge_diverting(struct task *t, const struct run_diverting *d)
{
    struct contract_table *asked = ARENA_NEW(t->mem, struct contract_table);
    struct run_table table = *d->table;

    *asked = *d->table->definition;
    asked->rules.at = NULL;
    asked->rules.len = asked->rules.cap = 0;
    for (size_t i = 0; i < d->table->definition->rules.len; i++) {
        if (d->table->definition->rules.at[i].effect == RULE_QUARANTINES) {
            vec_push(t->mem, &asked->rules, d->table->definition->rules.at[i]);
        }
    }
    table.definition = asked;
    table.increment = NULL;
    if (!run_find_verdicts(t, d->r, &table, 1, "outputs")) {
        return false;
    }
    d->out->checked = table.rows;
    for (size_t i = 0; i < table.verdict_count; i++) {
        if (table.verdicts[i].verdict == VERDICT_FAIL) {
            vec_push(t->mem, &d->out->verdicts, table.verdicts[i]);
        }
    }
    return true;
}

/* ---- which rows fail them */

static struct job_view *run_add_file(struct task *t, const struct run_diverting *d,
                                     struct engine_job *job, str name, str path,
                                     const struct job_columns *columns)
{
    struct job_view *view = vec_add(t->mem, &job->views);

    *view = (struct job_view){.name = name, .columns = *columns};
    vec_push(t->mem, &view->files, run_link(t, job, path, d->r->id));
    return view;
}

static bool run_write_rows(struct task *t, const struct run_diverting *d, struct engine_job *job,
                           const char *kind, struct job_result *result, str *path_out)
{
    struct row_sink sink = run_progress_sink(t, d->r, d->table->name);

    if (job->text.len == 0) {
        return task_fail(t, ERR_LIMIT, "the rules of %.*s are too long to quarantine rows by",
                         STR_ARG(d->table->name));
    }
    job->output = JOB_FILE;
    job->file = arena_format(t->mem, "%s.%.*s.parquet", kind, STR_ARG(d->table->name));
    job->keep_order = true;
    *path_out = arena_format(t->mem, "%.*s/%.*s", STR_ARG(d->r->staging), STR_ARG(job->file));
    return store_room(t, d->r->services->store, d->table->bytes)
        && engine_run_uncleared(t, d->worker, job, &sink, result)
        && store_take(t, d->r->services->store, engine_output_path(t, d->worker, job->file),
                      *path_out);
}

/* `row`, and a flag for each rule. */
static void run_mark_columns(struct task *t, const struct run_diverting *d, struct job_columns *out)
{
    job_deletion_columns(t->mem, out);
    for (size_t i = 0; i < d->out->verdicts.len; i++) {
        vec_push(t->mem, out,
                 ((struct job_column){.name = arena_format(t->mem, "f%zu", i),
                                      .type = STR("BOOLEAN"),
                                      .id = out->at[0].id + 1 + (uint32_t)i}));
    }
}

static bool run_mark_sql(struct task *t, const struct run_diverting *d, str *out)
{
    struct buf *b = buf_new(t->mem, DIVERT_SQL_BYTES_MAX);

    buf_add(b, STR("SELECT * FROM (SELECT file_row_number AS \"row\""));
    for (size_t i = 0; i < d->out->verdicts.len; i++) {
        struct check_predicate predicate;

        if (!check_predicate(t->mem, d->out->verdicts.at[i].rule, &d->table->columns, NULL,
                             &predicate)) {
            return task_fail(t, ERR_INTERNAL, "no rows can be quarantined by %.*s: %.*s",
                             STR_ARG(d->out->verdicts.at[i].rule->id), STR_ARG(predicate.problem));
        }
        buf_format(b, ", coalesce(%.*s, false) AS \"f%zu\"", STR_ARG(predicate.test), i);
    }
    buf_add(b, STR(" FROM came) WHERE "));
    for (size_t i = 0; i < d->out->verdicts.len; i++) {
        buf_format(b, "%s\"f%zu\"", i ? " OR " : "", i);
    }
    buf_add(b, STR(" ORDER BY \"row\""));
    *out = b->full ? STR_NONE : buf_str(b);
    return true;
}

static bool run_mark(struct task *t, struct run_diverting *d)
{
    struct engine_job job = {0};
    struct job_result result;

    run_mark_columns(t, d, &job.columns);
    if (!run_mark_sql(t, d, &job.text)) {
        return false;
    }
    (void)run_add_file(t, d, &job, STR("came"), d->table->path, &d->table->columns);
    if (!run_write_rows(t, d, &job, "failing", &result, &d->marks)) {
        return false;
    }
    d->out->rows = result.rows;
    return true;
}

static bool run_count_marks(struct task *t, const struct run_diverting *d)
{
    struct buf *b = buf_new(t->mem, DIVERT_SQL_BYTES_MAX);
    struct engine_job job = {0};
    struct job_columns columns = {0};
    const struct tree *row;
    uint64_t all = 0;

    run_mark_columns(t, d, &columns);
    buf_add(b, STR("SELECT count(*)"));
    for (size_t i = 0; i < d->out->verdicts.len; i++) {
        buf_format(b, ", count(*) FILTER (WHERE \"f%zu\")", i);
    }
    buf_add(b, STR(" FROM marks"));
    job.text = buf_str(b);
    (void)run_add_file(t, d, &job, STR("marks"), d->marks, &columns);
    if (!run_ask_row(t, d->worker, &job, false, &row)) {
        return false;
    }
    bool ok = row->len == d->out->verdicts.len + 1 && str_to_u64(row->at[0]->text, &all)
           && all == d->out->rows;

    for (size_t i = 0; ok && i < d->out->verdicts.len; i++) {
        struct check_result *result = &d->out->verdicts.at[i];

        ok = str_to_u64(row->at[i + 1]->text, &result->rows_quarantined);
        result->message =
            arena_format(t->mem, "%.*s; %llu rows quarantined", STR_ARG(result->message),
                         (unsigned long long)result->rows_quarantined);
    }
    return ok || task_fail(t, ERR_WORKER, "a worker counted rows in an unknown way");
}

/* ---- how many may be */

static str run_most_text(struct task *t, const struct contract_most *most)
{
    return most->is_share ? arena_format(t->mem, "%g percent", (double)most->most * 100 / MILLION)
                          : arena_format(t->mem, "%llu rows", (unsigned long long)most->most);
}

/* More than are fit to be put aside: then it is not the rows that are wrong. */
static bool run_may_divert(struct task *t, const struct run_diverting *d)
{
    struct contract_most most = d->table->definition->quarantine_most;
    uint64_t rows = d->out->rows, checked = d->out->checked;
    struct buf *lines = buf_new(t->mem, RUN_DETAIL_BYTES_MAX);

    if (!most.is_set) {
        most = (struct contract_most){
            .is_share = true,
            .most = (uint64_t)CONFIG_INT(d->r->services->config, quarantine_percent_max) * MILLION
                  / 100};
    }
    if (d->r->is_replay
        || (most.is_share
                ? (unsigned __int128)rows * MILLION <= (unsigned __int128)most.most * checked
                : rows <= most.most)) {
        return true;
    }
    for (size_t i = 0; i < d->out->verdicts.len; i++) {
        struct check_result *result = &d->out->verdicts.at[i];

        result->message = arena_format(t->mem, "%.*s: expected %.*s, found %.*s; none quarantined",
                                       STR_ARG(result->rule->id), STR_ARG(result->expected),
                                       STR_ARG(result->found));
        result->rows_quarantined = 0;
        buf_format(lines, "%s%.*s: %.*s", i ? "\n" : "", STR_ARG(d->table->name),
                   STR_ARG(result->message));
    }
    d->table->verdicts = d->out->verdicts.at;
    d->table->verdict_count = d->out->verdicts.len;
    task_fail(t, ERR_CHECK_FAILED,
              "%llu of %llu rows of %.*s.%.*s would be quarantined, more than %.*s: the run is "
              "rejected",
              (unsigned long long)rows, (unsigned long long)checked, STR_ARG(d->r->product),
              STR_ARG(d->table->name), STR_ARG(run_most_text(t, &most)));
    task_detail(t, "%.*s", STR_ARG(buf_str(lines)));
    return task_hint(t, "mend the data, or let the table say quarantineMost");
}

/* ---- both files */

static void run_add_texts(struct task *t, const struct run_diverting *d, struct buf *b,
                          const char *between, bool is_id)
{
    buf_format(b, ", concat_ws('%s'", between);
    for (size_t i = 0; i < d->out->verdicts.len; i++) {
        const struct check_result *result = &d->out->verdicts.at[i];

        buf_format(b, ", CASE WHEN \"#m\".\"f%zu\" THEN ", i);
        buf_add_literal(b, is_id ? result->rule->id : contract_rule_text(t->mem, result->rule));
        buf_add(b, STR(" END"));
    }
    buf_format(b, ") AS %s", is_id ? "weft_rule" : "weft_reason");
}

static bool run_write_diverted(struct task *t, const struct run_diverting *d)
{
    struct buf *b = buf_new(t->mem, DIVERT_SQL_BYTES_MAX);
    struct engine_job job = {0};
    struct job_columns marks = {0};
    struct job_result result;

    run_mark_columns(t, d, &marks);
    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < d->table->columns.len; i++) {
        buf_add(b, i ? STR(", \"#c\".") : STR("\"#c\"."));
        buf_add_identifier(b, d->table->columns.at[i].name);
        vec_push(t->mem, &job.columns, d->table->columns.at[i]);
    }
    quarantine_columns(t->mem, &job.columns);
    run_add_texts(t, d, b, ", ", true);
    run_add_texts(t, d, b, "; ", false);
    buf_add(b, STR(", "));
    buf_add_literal(b, d->r->id);
    buf_add(b, STR(" AS weft_run, CAST("));
    buf_add_literal(b, clock_text(t->mem, d->r->started_us));
    buf_add(
        b,
        STR(" AS TIMESTAMP WITH TIME ZONE) AS weft_at FROM came AS \"#c\" JOIN marks AS \"#m\" ON "
            "\"#c\".file_row_number = \"#m\".\"row\" ORDER BY \"#m\".\"row\""));
    job.text = b->full ? STR_NONE : buf_str(b);
    (void)run_add_file(t, d, &job, STR("came"), d->table->path, &d->table->columns);
    (void)run_add_file(t, d, &job, STR("marks"), d->marks, &marks);
    if (!run_write_rows(t, d, &job, "quarantine", &result, &d->out->path)) {
        return false;
    }
    d->out->bytes = result.bytes;
    return result.rows == d->out->rows
        || task_fail(t, ERR_INTERNAL, "%llu rows of %.*s are quarantined, not %llu",
                     (unsigned long long)result.rows, STR_ARG(d->table->name),
                     (unsigned long long)d->out->rows);
}

static bool run_write_gone(struct task *t, struct run_diverting *d)
{
    struct engine_job job = {.text = STR("SELECT \"row\" FROM marks ORDER BY \"row\"")};
    struct job_columns marks = {0};
    struct job_result result;

    run_mark_columns(t, d, &marks);
    job_deletion_columns(t->mem, &job.columns);
    (void)run_add_file(t, d, &job, STR("marks"), d->marks, &marks);
    return run_write_rows(t, d, &job, "gone", &result, &d->gone);
}

static bool run_write_left(struct task *t, const struct run_diverting *d)
{
    struct buf *b = buf_new(t->mem, DIVERT_SQL_BYTES_MAX);
    struct engine_job job = {.columns = d->table->columns};
    struct job_result result;
    struct job_view *came;

    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < d->table->columns.len; i++) {
        buf_add(b, i ? STR(", ") : STR(""));
        buf_add_identifier(b, d->table->columns.at[i].name);
    }
    buf_add(b, STR(" FROM came ORDER BY file_row_number"));
    job.text = buf_str(b);
    came = run_add_file(t, d, &job, STR("came"), d->table->path, &d->table->columns);
    vec_push(t->mem, &came->deletions, run_link(t, &job, d->gone, d->r->id));
    if (!run_write_rows(t, d, &job, "left", &result, &d->table->path)) {
        return false;
    }
    if (result.rows + d->out->rows != d->out->checked) {
        return task_fail(t, ERR_INTERNAL, "%llu rows of %.*s are left of %llu",
                         (unsigned long long)result.rows, STR_ARG(d->table->name),
                         (unsigned long long)d->out->checked);
    }
    d->table->rows = result.rows;
    d->table->bytes = result.bytes;
    d->table->is_light = false;
    return true;
}

static bool run_divert_table(struct task *t, struct run_diverting *d)
{
    run_progress(t, d->r, "quarantine", d->table->name, -1);
    return run_mark(t, d) && run_count_marks(t, d) && run_may_divert(t, d)
        && run_write_diverted(t, d) && run_write_gone(t, d) && run_write_left(t, d);
}

bool run_divert(struct task *t, struct run *r)
{
    bool diverts = false;

    if (!run_find_reread(t, r)) {
        return false;
    }
    for (size_t i = 0; i < r->outputs.len; i++) {
        struct run_diverting d = {.r = r, .table = &r->outputs.at[i]};

        if (!run_has_diverting(d.table) || d.table->rows == 0) {
            continue;
        }
        d.out = ARENA_NEW(t->mem, struct run_diverted);
        if (!run_judge_diverting(t, &d)) {
            return false;
        }
        if (d.out->verdicts.len == 0) {
            continue;
        }
        if (!engine_lend(t, r->services->engine, WORKER_CLEARING, STR("quarantine"),
                         (struct engine_reach){0}, &d.worker)
            || !run_divert_table(t, &d)) {
            return false;
        }
        engine_return(t, d.worker);
        d.table->diverted = d.out;
        diverts = true;
    }
    return !diverts || fault_pass(t, FAULT_RUN_DIVERT);
}

/* ---- what is told of it */

void run_tell_diverted(const struct run_table *table)
{
    for (size_t i = 0; table->diverted != NULL && i < table->verdict_count; i++) {
        for (size_t k = 0; k < table->diverted->verdicts.len; k++) {
            if (str_eq(table->verdicts[i].rule->id, table->diverted->verdicts.at[k].rule->id)
                && table->verdicts[i].verdict == VERDICT_PASS) {
                table->verdicts[i] = table->diverted->verdicts.at[k];
            }
        }
    }
}

uint64_t run_diverted_rows(const struct run *r)
{
    uint64_t rows = 0;

    for (size_t i = 0; i < r->outputs.len; i++) {
        rows += r->outputs.at[i].diverted != NULL ? r->outputs.at[i].diverted->rows : 0;
    }
    return rows;
}

bool run_store_diverted(struct task *t, struct run *r)
{
    struct stored_file stored;

    for (size_t i = 0; i < r->outputs.len; i++) {
        struct run_diverted *diverted = r->outputs.at[i].diverted;

        if (diverted == NULL) {
            continue;
        }
        if (!store_publish(t, r->services->store, diverted->path, &stored)) {
            return false;
        }
        diverted->sha256 = stored.sha256;
        diverted->bytes = stored.bytes;
    }
    return run_store_reread(t, r);
}

static bool run_write_diverted_row(struct task *t, struct metadb *db, const struct run *r,
                                   const struct run_table *table)
{
    struct quarantine_row row = {.product_id = r->target->id,
                                 .table_id = table->table->id,
                                 .run_id = r->id,
                                 .release = r->release,
                                 .diverted_us = r->started_us,
                                 .rows = table->diverted->rows,
                                 .bytes = table->diverted->bytes,
                                 .sha256 = table->diverted->sha256,
                                 .sql_digest = r->target->digest};

    for (size_t i = 0; i < table->columns.len; i++) {
        vec_push(t->mem, &row.columns, table->columns.at[i].id);
    }
    for (size_t i = 0; i < table->diverted->verdicts.len; i++) {
        const struct check_result *result = &table->diverted->verdicts.at[i];

        vec_push(t->mem, &row.rules,
                 ((struct quarantine_rule){.id = result->rule->id,
                                           .demand = contract_rule_text(t->mem, result->rule),
                                           .rows = result->rows_quarantined}));
        for (size_t k = 0; k < table->columns.len; k++) {
            str name = table->columns.at[k].name;

            if (str_list_has(&result->rule->columns, name)
                || (result->rule->path.len > 0 && str_eq(result->rule->path.at[0], name))) {
                vec_push(t->mem, &row.rule_columns, table->columns.at[k].id);
            }
        }
    }
    quarantine_take_labels(t->mem, table->table, &row);
    return quarantine_add(t, db, &row);
}

/* A table whose rows were all made has no rows elsewhere: those of before are made anew, or passed. */
bool run_write_quarantine(struct task *t, struct metadb *db, const struct run *r)
{
    if ((r->is_replay && !run_end_replay(t, db, r)) || !run_write_reread(t, db, r)) {
        return false;
    }
    for (size_t i = 0; i < r->outputs.len; i++) {
        const struct run_table *table = &r->outputs.at[i];
        struct quarantine_which which = {.product_id = r->target->id, .table_id = table->table->id};

        if ((table->increment == NULL && !quarantine_drop(t, db, &which))
            || (table->diverted != NULL && !run_write_diverted_row(t, db, r, table))) {
            return false;
        }
    }
    return true;
}
