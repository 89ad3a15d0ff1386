/* The files of diverted rows. Which rows fail is written first, so that both files, of these and of what is left, are of one answer. */
#include "buf/buf.h"
#include "clock/clock.h"
#include "limits/limits.h"
#include "run_divert_inside.h"

enum { DIVERT_SQL_BYTES_MAX = 4 << 20 };

struct job_view *run_add_file(struct task *t, const struct run_diverting *d, struct engine_job *job,
                              str name, str path, const struct job_columns *columns)
{
    struct job_view *view = vec_add(t->mem, &job->views);

    *view = (struct job_view){.name = name, .columns = *columns};
    vec_push(t->mem, &view->files, run_link(t, job, path, d->r->id));
    return view;
}

/* One for each table, round and kind: `failing.files.raw.0.parquet`. */
static bool run_write_rows(struct task *t, const struct run_diverting *d, struct engine_job *job,
                           const char *kind, struct job_result *result, str *path_out)
{
    struct row_sink sink = run_progress_sink(t, d->r, d->table->name);

    if (job->text.len == 0) {
        return task_fail(t, ERR_LIMIT, "the rules of %.*s are too long to quarantine rows by",
                         STR_ARG(d->table->name));
    }
    job->output = JOB_FILE;
    job->file = arena_format(t->mem, "%s.%.*s.%u.parquet", kind,
                             STR_ARG(run_told_name(t->mem, d->table)), d->round);
    job->keep_order = true;
    *path_out = arena_format(t->mem, "%.*s/%.*s", STR_ARG(d->r->staging), STR_ARG(job->file));
    return store_room(t, d->r->services->store, d->table->bytes)
        && engine_run_uncleared(t, d->worker, job, &sink, result)
        && store_take(t, d->r->services->store, engine_output_path(t, d->worker, job->file),
                      *path_out);
}

/* ---- which rows fail */

/* `row`, and a flag for each rule. */
void run_mark_columns(struct task *t, const struct run_diverting *d, struct job_columns *out)
{
    job_deletion_columns(t->mem, out);
    for (size_t i = 0; i < d->verdicts.len; i++) {
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
    for (size_t i = 0; i < d->verdicts.len; i++) {
        struct check_predicate predicate;

        if (!check_predicate(t->mem, d->verdicts.at[i].rule, &d->table->columns,
                             run_find_diverting_target(d, d->verdicts.at[i].rule), &predicate)) {
            return task_fail(t, ERR_INTERNAL, "no rows can be quarantined by %.*s: %.*s",
                             STR_ARG(d->verdicts.at[i].rule->id), STR_ARG(predicate.problem));
        }
        buf_format(b, ", coalesce(%.*s, false) AS \"f%zu\"", STR_ARG(predicate.test), i);
    }
    buf_add(b, STR(" FROM came) WHERE "));
    for (size_t i = 0; i < d->verdicts.len; i++) {
        buf_format(b, "%s\"f%zu\"", i ? " OR " : "", i);
    }
    buf_add(b, STR(" ORDER BY \"row\""));
    *out = b->full ? STR_NONE : buf_str(b);
    return true;
}

static bool run_count_marks(struct task *t, struct run_diverting *d)
{
    struct buf *b = buf_new(t->mem, DIVERT_SQL_BYTES_MAX);
    struct engine_job job = {0};
    struct job_columns columns = {0};
    const struct tree *row;
    uint64_t all = 0;

    run_mark_columns(t, d, &columns);
    buf_add(b, STR("SELECT count(*)"));
    for (size_t i = 0; i < d->verdicts.len; i++) {
        buf_format(b, ", count(*) FILTER (WHERE \"f%zu\")", i);
    }
    buf_add(b, STR(" FROM marks"));
    job.text = buf_str(b);
    (void)run_add_file(t, d, &job, STR("marks"), d->marks, &columns);
    if (!run_ask_row(t, d->worker, &job, false, &row)) {
        return false;
    }
    bool ok =
        row->len == d->verdicts.len + 1 && str_to_u64(row->at[0]->text, &all) && all == d->rows;

    for (size_t i = 0; ok && i < d->verdicts.len; i++) {
        ok = str_to_u64(row->at[i + 1]->text, &d->verdicts.at[i].rows_quarantined);
    }
    return ok || task_fail(t, ERR_WORKER, "a worker counted rows in an unknown way");
}

bool run_write_marks(struct task *t, struct run_diverting *d, struct engine_job *job)
{
    struct job_result result;

    if (!run_write_rows(t, d, job, "failing", &result, &d->marks)) {
        return false;
    }
    d->rows = result.rows;
    return run_count_marks(t, d);
}

bool run_mark_rows(struct task *t, struct run_diverting *d)
{
    struct engine_job job = {0};

    run_mark_columns(t, d, &job.columns);
    if (!run_mark_sql(t, d, &job.text)) {
        return false;
    }
    (void)run_add_file(t, d, &job, STR("came"), d->table->path, &d->table->columns);
    return run_add_targets(t, d, &job) && run_write_marks(t, d, &job);
}

/* ---- both files */

static void run_add_texts(struct task *t, const struct run_diverting *d, struct buf *b,
                          const char *between, bool is_id)
{
    buf_format(b, ", concat_ws('%s'", between);
    for (size_t i = 0; i < d->verdicts.len; i++) {
        const struct check_result *result = &d->verdicts.at[i];

        buf_format(b, ", CASE WHEN \"#m\".\"f%zu\" THEN ", i);
        buf_add_literal(b, is_id ? result->rule->id : contract_rule_text(t->mem, result->rule));
        buf_add(b, STR(" END"));
    }
    buf_format(b, ") AS %s", is_id ? "weft_rule" : "weft_reason");
}

static bool run_write_diverted(struct task *t, struct run_diverting *d)
{
    struct buf *b = buf_new(t->mem, DIVERT_SQL_BYTES_MAX);
    struct engine_job job = {.columns = run_diverted_columns(t->mem, d->table->diverted)};
    struct job_columns marks = {0};
    struct job_result result;
    str path;

    run_mark_columns(t, d, &marks);
    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < d->table->columns.len; i++) {
        buf_add(b, i ? STR(", \"#c\".") : STR("\"#c\"."));
        buf_add_identifier(b, d->table->columns.at[i].name);
    }
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
    if (!run_write_rows(t, d, &job, "quarantine", &result, &path)) {
        return false;
    }
    vec_push(t->mem, &d->rounds, path);
    d->table->diverted->path = path;
    d->table->diverted->bytes = result.bytes;
    return result.rows == d->rows
        || task_fail(t, ERR_INTERNAL, "%llu rows of %.*s are quarantined, not %llu",
                     (unsigned long long)result.rows, STR_ARG(d->table->name),
                     (unsigned long long)d->rows);
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
    if (result.rows + d->rows != d->table->rows) {
        return task_fail(t, ERR_INTERNAL, "%llu rows of %.*s are left of %llu",
                         (unsigned long long)result.rows, STR_ARG(d->table->name),
                         (unsigned long long)d->table->rows);
    }
    d->table->rows = result.rows;
    d->table->bytes = result.bytes;
    d->table->is_light = false;
    return true;
}

bool run_write_round(struct task *t, struct run_diverting *d)
{
    return run_write_diverted(t, d) && run_write_gone(t, d) && run_write_left(t, d);
}

/* What several rounds diverted is one file. */
bool run_join_rounds(struct task *t, struct run_diverting *d)
{
    struct engine_job job = {.text = STR("SELECT * FROM rounds")};
    struct run_diverted *out = d->table->diverted;
    struct job_view *view;
    struct job_result result;

    if (d->rounds.len < 2) {
        return true;
    }
    job.columns = run_diverted_columns(t->mem, out);
    view = vec_add(t->mem, &job.views);
    *view = (struct job_view){.name = STR("rounds"), .columns = job.columns};
    for (size_t i = 0; i < d->rounds.len; i++) {
        vec_push(t->mem, &view->files, run_link(t, &job, d->rounds.at[i], d->r->id));
    }
    if (!run_write_rows(t, d, &job, "rounds", &result, &out->path)) {
        return false;
    }
    out->bytes = result.bytes;
    return result.rows == out->rows
        || task_fail(t, ERR_INTERNAL, "%llu rows of %.*s are quarantined, not %llu",
                     (unsigned long long)result.rows, STR_ARG(d->table->name),
                     (unsigned long long)out->rows);
}
