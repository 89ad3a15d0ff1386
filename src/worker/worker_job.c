#include "worker_job.h"

#include "clock/clock.h"
#include "limits/limits.h"
#include "worker_clock.h"
#include "worker_hash.h"
#include "worker_look.h"
#include "worker_types.h"
#include "worker_views.h"

enum { PROGRESS_EVERY_MS = 100, THOUSANDTHS_UNKNOWN = -1 };

/* ---- what the outputs share */

bool worker_prepare_text(struct task *t, struct worker_engine *e, const struct engine_job *job,
                         struct worker_statement **out)
{
    if (!worker_prepare(t, e, job->text, (struct worker_span){0, job->text.len}, out))
        return false;
    /* The gate lets nothing else through; this is the second lock. */
    if (worker_kind_runs_cleared(e->options->kind)
        && duckdb_prepared_statement_type((*out)->prepared) != DUCKDB_STATEMENT_TYPE_SELECT)
        return task_fail(t, ERR_REFUSED, "the text is no SELECT");
    return true;
}

void worker_result_names(struct task *t, const struct worker_statement *statement,
                         struct str_list *out)
{
    idx_t len = duckdb_prepared_statement_column_count(statement->prepared);
    *out = (struct str_list){0};
    for (idx_t i = 0; i < len; i++) {
        char *name =
            (char *)(uintptr_t)duckdb_prepared_statement_column_name(statement->prepared, i);
        vec_push(t->mem, out, arena_str(t->mem, str_of(name)));
        duckdb_free(name);
    }
}

void worker_result_columns(struct task *t, struct worker_engine *e,
                           const struct worker_statement *statement, struct job_columns *out)
{
    struct str_list names;
    worker_result_names(t, statement, &names);
    *out = (struct job_columns){0};
    for (size_t i = 0; i < names.len; i++) {
        duckdb_logical_type type =
            duckdb_prepared_statement_column_logical_type(statement->prepared, i);
        struct job_column *column = vec_add(t->mem, out);
        column->name = names.at[i];
        column->type = worker_type_text(t, e, worker_type_keep(t, type));
    }
}

bool worker_send_columns(struct task *t, struct worker_engine *e, const struct job_columns *columns)
{
    struct buf *frame = buf_new(t->mem, frame_bytes_max(FRAME_COLUMNS) + FRAME_HEADER_BYTES);
    if (columns->len > COLUMNS_MAX)
        return task_fail(t, ERR_LIMIT, "the result has more than %d columns", COLUMNS_MAX);
    size_t begin = frame_begin(frame, FRAME_COLUMNS);
    frame_put_u32(frame, (uint32_t)columns->len);
    for (size_t i = 0; i < columns->len; i++) {
        frame_put_str(frame, columns->at[i].name);
        frame_put_str(frame, columns->at[i].type);
    }
    if (!frame_end(frame, begin))
        return task_fail(t, ERR_LIMIT, "names and types of the columns are too long");
    worker_link_send(e->link, frame);
    return true;
}

static int32_t thousandths_done(const struct worker_progress *progress)
{
    if (progress->ended)
        return (int32_t)(atomic_load(progress->ended) * 1000 / progress->steps);
    duckdb_query_progress_type done = duckdb_query_progress(progress->e->con);
    if (done.percentage < 0)
        return THOUSANDTHS_UNKNOWN;
    return done.percentage >= 100 ? 1000 : (int32_t)(done.percentage * 10);
}

void worker_progress_send(struct worker_progress *progress)
{
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms - progress->last_ms < PROGRESS_EVERY_MS)
        return;
    progress->last_ms = now_ms;
    int32_t thousandths = thousandths_done(progress);
    struct buf frame;
    buf_init(&frame, frame_bytes_max(FRAME_PROGRESS) + FRAME_HEADER_BYTES);
    size_t begin = frame_begin(&frame, FRAME_PROGRESS);
    frame_put_u32(&frame, (uint32_t)thousandths);
    frame_put_u64(&frame, progress->rows);
    frame_put_u64(&frame, progress->bytes);
    if (frame_end(&frame, begin))
        worker_link_send(progress->e->link, &frame);
    buf_free(&frame);
}

/* ---- the job */

static bool run_prepare(struct task *t, struct worker_engine *e, const struct engine_job *job)
{
    if (job->prepare.len && worker_kind_runs_cleared(e->options->kind))
        return task_fail(t, ERR_REFUSED, "a worker of kind %s takes no statements to prepare",
                         worker_kind_name(e->options->kind));
    for (size_t i = 0; i < job->prepare.len; i++) {
        struct worker_statement *statement;
        worker_secrets_learn(&e->secrets, job->prepare.at[i]);
        if (!worker_prepare(t, e, job->prepare.at[i], (struct worker_span){0}, &statement)
            || !worker_run(t, e, statement, false, NULL, NULL))
            return false;
        worker_statement_close(t, statement);
    }
    return true;
}

bool worker_columns(struct task *t, struct worker_engine *e, const struct engine_job *job)
{
    struct worker_statement *statement;
    struct job_columns columns;
    if (!worker_prepare_text(t, e, job, &statement))
        return false;
    worker_result_columns(t, e, statement, &columns);
    return worker_send_columns(t, e, &columns);
}

static bool run_output(struct task *t, struct worker_engine *e, const struct engine_job *job,
                       struct job_result *out)
{
    switch (job->output) {
    case JOB_ROWS:
        return worker_rows(t, e, job, out);
    case JOB_FILE:
        return worker_file(t, e, job, out);
    case JOB_COLUMNS:
        return worker_columns(t, e, job);
    case JOB_FILES:
        return worker_files(t, e, job, out);
    case JOB_OUTPUT_COUNT:
        break;
    }
    return task_fail(t, ERR_PROTOCOL, "a job has no such output");
}

bool worker_job(struct task *t, struct worker_engine *e, const struct engine_job *job,
                struct job_result *out)
{
    *out = (struct job_result){0};
    worker_hash_key(e, job->hash_key);
    if (!worker_clock_set(t, e, job->now) || !run_prepare(t, e, job)
        || !worker_views_set(t, e, job))
        return false;
    /* A job that only prepares, as the closing one of an extraction, has no text. */
    if (!job->text.len && job->prepare.len && !worker_kind_runs_cleared(e->options->kind))
        return true;
    if (job->looks.len && e->options->kind != WORKER_EXTRACT)
        return task_fail(t, ERR_REFUSED, "a worker of kind %s looks through no files",
                         worker_kind_name(e->options->kind));
    if (!worker_look(t, e, &job->looks))
        return false;
    return run_output(t, e, job, out);
}
