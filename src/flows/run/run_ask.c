/* Jobs of a run: questions to workers, and files that they write. */
#include "buf/buf.h"
#include "limits/limits.h"
#include "run_inside.h"
#include "json/json.h"

enum { RUN_ANSWER_BYTES_MAX = 8 * DOCUMENT_BYTES_MAX };

static const struct json_limits run_json_limits = {RUN_ANSWER_BYTES_MAX, DOCUMENT_DEPTH_MAX,
                                                   DOCUMENT_NODES_MAX};

bool run_ask(struct task *t, struct worker *worker, struct engine_job *job, bool is_cleared,
             struct run_rows *out)
{
    struct buf *bytes = buf_new(t->mem, RUN_ANSWER_BYTES_MAX);
    struct row_sink sink = row_sink_to_buf(bytes);
    struct job_result result;
    str rest, line;

    job->output = JOB_ROWS;
    job->format = ROW_FORMAT_ROWS;
    if (!(is_cleared ? engine_run(t, worker, job, &sink, &result)
                     : engine_run_uncleared(t, worker, job, &sink, &result))) {
        return false;
    }
    *out = (struct run_rows){0};
    rest = buf_str(bytes);
    for (bool is_head = true; rest.len > 0; is_head = false) {
        struct tree *row;

        (void)str_cut(rest, '\n', &line, &rest);
        if (line.len == 0 || is_head) {
            continue;
        }
        if (!json_read(t, t->mem, line, &run_json_limits, &row)) {
            return false;
        }
        vec_push(t->mem, out, row);
    }
    return true;
}

bool run_ask_row(struct task *t, struct worker *worker, struct engine_job *job, bool is_cleared,
                 const struct tree **row_out)
{
    struct run_rows rows;

    if (!run_ask(t, worker, job, is_cleared, &rows)) {
        return false;
    }
    if (rows.len != 1) {
        return task_fail(t, ERR_DATA, "the query gives %zu rows, not one", rows.len);
    }
    *row_out = rows.at[0];
    return true;
}

bool run_add_staged(struct task *t, const struct run *r, struct engine_job *job, str schema,
                    const struct run_table *table)
{
    struct job_view *view = vec_add(t->mem, &job->views);
    str name = arena_format(t->mem, "v%zu.parquet", job->views.len);
    struct str_list paths = {0}, deletions = {0};

    view->schema = schema;
    view->name = table->name;
    view->columns = table->columns;
    vec_push(t->mem, &view->files, name);
    vec_push(t->mem, &job->links, ((struct job_link){.path = table->path, .name = name}));
    if (table->increment == NULL) {
        return true;
    }
    vec_push(t->mem, &view->deletions, STR_NONE);
    if (!run_add_kept(t, r, table->increment, &paths, &deletions)) {
        return false;
    }
    for (size_t i = 0; i < paths.len; i++) {
        vec_push(t->mem, &view->files, run_link(t, job, paths.at[i], r->id));
        vec_push(t->mem, &view->deletions, run_link(t, job, deletions.at[i], r->id));
    }
    return true;
}

struct run_step {
    struct run *r;
    str subject;
};

/* A run stops before the disk is so full that readers notice. */
static bool run_sink_progress(struct task *t, void *state, const struct row_progress *progress)
{
    struct run_step *at = state;

    run_progress(t, at->r, progress->step, at->subject, progress->thousandths);
    return store_room(t, at->r->services->store, 0);
}

/* Progress of work whose rows go to a file. */
struct row_sink run_progress_sink(struct task *t, struct run *r, str subject)
{
    struct run_step *at = ARENA_NEW(t->mem, struct run_step);

    at->r = r;
    at->subject = subject;
    return (struct row_sink){.state = at, .progress = run_sink_progress};
}

bool run_stage(struct task *t, struct run *r, struct worker *worker, struct engine_job *job,
               bool is_cleared, struct run_table *table)
{
    struct row_sink sink = run_progress_sink(t, r, table->name);
    struct job_result result;
    str label = table->schema.len ? table->schema : STR("output");

    job->output = JOB_FILE;
    job->file = arena_format(t->mem, "%.*s.%.*s.parquet", STR_ARG(label), STR_ARG(table->name));
    job->columns = table->columns;
    /* What is no output is read and thrown away. */
    table->is_light = (table->table == NULL && !table->is_output) || run_is_large(r, table);
    job->is_light = table->is_light;
    job->keep_order = true;
    table->path = arena_format(t->mem, "%.*s/%.*s", STR_ARG(r->staging), STR_ARG(job->file));
    if (!store_room(t, r->services->store, 0)
        || !(is_cleared ? engine_run(t, worker, job, &sink, &result)
                        : engine_run_uncleared(t, worker, job, &sink, &result))) {
        return false;
    }
    table->rows = result.rows;
    table->bytes = result.bytes;
    return store_take(t, r->services->store, engine_output_path(t, worker, job->file), table->path);
}
