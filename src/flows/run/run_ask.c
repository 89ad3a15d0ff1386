/* Jobs of a run: questions to workers, and files that they write. */
#include "run_inside.h"

bool run_ask_row(struct task *t, struct worker *worker, struct engine_job *job, bool is_cleared,
                 const struct tree **row_out)
{
    struct engine_rows rows;

    if (!engine_ask(t, worker, job, is_cleared, &rows)) {
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
    struct str_list staged = {0}, paths = {0}, deletions = {0};

    view->schema = schema;
    view->name = table->name;
    view->columns = table->columns;
    /* A release as it lies there has nothing that came. */
    run_add_paths(t, table, &staged);
    for (size_t i = 0; i < staged.len; i++) {
        str name = arena_format(t->mem, "v%zu_%zu.parquet", job->views.len, i);
        vec_push(t->mem, &view->files, name);
        vec_push(t->mem, &job->links, ((struct job_link){.path = staged.at[i], .name = name}));
    }
    if (table->increment == NULL) {
        return true;
    }
    if (table->path.len > 0) {
        vec_push(t->mem, &view->deletions, STR_NONE);
    }
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

bool run_stage_as(struct task *t, struct run *r, struct worker *worker, struct engine_job *job,
                  bool is_cleared, const struct run_table *table, str file, struct job_result *out)
{
    struct row_sink sink = run_progress_sink(t, r, table->name);

    job->output = JOB_FILE;
    job->file = file;
    job->columns = table->columns;
    job->keep_order = true;
    return store_room(t, r->services->store, 0)
        && (is_cleared ? engine_run(t, worker, job, &sink, out)
                       : engine_run_uncleared(t, worker, job, &sink, out));
}

bool run_stage_make(struct task *t, struct run *r, struct worker *worker, struct engine_job *job,
                    bool is_cleared, struct run_table *table)
{
    struct job_result result;
    str label = table->schema.len ? table->schema : STR("output");
    str file = arena_format(t->mem, "%.*s.%.*s.parquet", STR_ARG(label), STR_ARG(table->name));

    /* What is no output is read and thrown away. */
    table->is_light = (table->table == NULL && !table->is_output) || run_is_large(r, table);
    job->packing = table->is_light ? PACKED_QUICKLY : PACKED_WELL;
    table->path = arena_format(t->mem, "%.*s/%.*s", STR_ARG(r->staging), STR_ARG(file));
    if (!run_stage_as(t, r, worker, job, is_cleared, table, file, &result)) {
        return false;
    }
    table->rows = result.rows;
    table->bytes = result.bytes;
    return true;
}

bool run_stage_take(struct task *t, struct run *r, struct worker *worker,
                    const struct engine_job *job, str path)
{
    return store_take(t, r->services->store, engine_output_path(t, worker, job->file), path);
}

bool run_stage(struct task *t, struct run *r, struct worker *worker, struct engine_job *job,
               bool is_cleared, struct run_table *table)
{
    return run_stage_make(t, r, worker, job, is_cleared, table)
        && run_stage_take(t, r, worker, job, table->path);
}
