#include "job_row/job_row.h"

#include "clock/clock.h"

static const char *const STATES[JOB_STATE_COUNT] = {
    [JOB_QUEUED] = "queued", [JOB_RUNNING] = "running",     [JOB_DONE] = "done",
    [JOB_FAILED] = "failed", [JOB_CANCELLED] = "cancelled",
};

#define JOB_SELECT                                                                                 \
    "SELECT sequence, id, kind, subject, input, state, requested_by, requested_us, started_us, "   \
    "ended_us, progress, result, cancel_requested FROM job "

const char *job_state_name(enum job_state state)
{
    CHECK(state < JOB_STATE_COUNT);
    return STATES[state];
}

bool job_state_by_name(str name, enum job_state *out)
{
    for (enum job_state i = 0; i < JOB_STATE_COUNT; i++) {
        if (str_eq(name, str_of(STATES[i]))) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool read_row(struct task *t, struct metadb_statement *st, struct job_row **out)
{
    struct job_row *row = ARENA_NEW(t->mem, struct job_row);
    *row = (struct job_row){.sequence = metadb_uint(st, 0),
                            .id = metadb_str(t->mem, st, 1),
                            .kind = metadb_str(t->mem, st, 2),
                            .subject = metadb_str(t->mem, st, 3),
                            .input = metadb_str(t->mem, st, 4),
                            .requested_by = metadb_str(t->mem, st, 6),
                            .requested_us = metadb_int(st, 7),
                            .started_us = metadb_int(st, 8),
                            .ended_us = metadb_int(st, 9),
                            .progress = metadb_str(t->mem, st, 10),
                            .result = metadb_str(t->mem, st, 11),
                            .is_cancel_requested = metadb_int(st, 12) != 0};
    *out = row;
    return job_state_by_name(metadb_str(t->mem, st, 5), &row->state)
        || task_fail(t, ERR_CORRUPT, "job " STR_FMT " has no known state", STR_ARG(row->id));
}

/* The one row of a query, or NULL. */
static bool read_one(struct task *t, struct metadb_statement *st, struct job_row **out)
{
    *out = NULL;
    if (metadb_next(t, st) && !read_row(t, st, out))
        return false;
    return metadb_end(t, st);
}

struct new_job {
    str kind, subject, input, requested_by;
    str id;
    bool joined;
};

/* Does one job for both what was asked for the queued one and what is asked now? `covers_out`: as the queued one is already. */
static bool may_join(struct task *t, struct metadb *db, const struct job_row *queued,
                     const struct new_job *job, bool *covers_out)
{
    struct metadb_statement *st;
    *covers_out = false;
    if (!metadb_query(t, db, &st,
                      "SELECT coalesce(json_extract(?, '$.how'), ''), "
                      "coalesce(json_extract(?, '$.how'), '')",
                      "ss", queued->input, job->input.len > 0 ? job->input : STR("{}")))
        return false;
    bool has_row = metadb_next(t, st);
    str before = has_row ? metadb_str(t->mem, st, 0) : STR_NONE;
    str now = has_row ? metadb_str(t->mem, st, 1) : STR_NONE;
    if (!metadb_end(t, st))
        return false;
    *covers_out = str_eq(before, STR("full")) && now.len == 0;
    if (str_eq(before, now) || *covers_out || (before.len == 0 && str_eq(now, STR("full"))))
        return true;
    task_fail(t, ERR_BUSY, "a run of " STR_FMT " waits already that was asked for in another way",
              STR_ARG(job->subject));
    return task_hint(t, "ask again when it has begun; weft show runs lists the runs");
}

static bool queue(struct task *t, struct metadb *db, void *state)
{
    bool covers;
    struct new_job *job = state;
    struct metadb_statement *st;
    struct job_row *queued;
    if (!metadb_query(t, db, &st, JOB_SELECT "WHERE kind = ? AND subject = ? AND state = 'queued'",
                      "ss", job->kind, job->subject)
        || !read_one(t, st, &queued))
        return false;
    job->joined = queued != NULL;
    if (queued != NULL) {
        job->id = queued->id;
        if (!may_join(t, db, queued, job, &covers))
            return false;
        return job->input.len == 0 || covers
            || metadb_run(t, db, "UPDATE job SET input = ? WHERE id = ?", "ss", job->input,
                          job->id);
    }
    char id[37];
    clock_uuid(id);
    job->id = arena_str(t->mem, str_of(id));
    return metadb_run(
        t, db,
        "INSERT INTO job (id, kind, subject, input, state, requested_by, requested_us) "
        "VALUES (?, ?, ?, ?, 'queued', ?, ?)",
        "sssssi", job->id, job->kind, job->subject, job->input.len > 0 ? job->input : STR("{}"),
        job->requested_by, clock_now_us());
}

bool job_row_queue(struct task *t, struct metadb *db, str kind, str subject, str input,
                   str requested_by, str *id_out, bool *joined_out)
{
    struct new_job job = {
        .kind = kind, .subject = subject, .input = input, .requested_by = requested_by};
    if (!metadb_write(t, db, queue, &job))
        return false;
    *id_out = job.id;
    *joined_out = job.joined;
    return true;
}

/* Who asked stands in the input of all others. */
#define JOB_SCHEDULE "schedule"

bool job_row_queue_scheduled(struct task *t, struct metadb *db, str kind, str subject)
{
    struct new_job job = {.kind = kind, .subject = subject, .requested_by = STR(JOB_SCHEDULE)};
    if (metadb_write(t, db, queue, &job))
        return true;
    if (t->err.code != ERR_BUSY)
        return false;
    task_clear_error(t);
    return true;
}

bool job_row_is_scheduled(const struct job_row *row)
{
    return str_eq(row->requested_by, STR(JOB_SCHEDULE)) && str_eq(row->input, STR("{}"));
}

static bool take(struct task *t, struct metadb *db, void *state)
{
    struct job_row **out = state;
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      JOB_SELECT "WHERE state = 'queued' AND NOT EXISTS (SELECT 1 FROM job r WHERE "
                                 "r.state = 'running' AND r.kind = job.kind AND r.subject = "
                                 "job.subject) ORDER BY sequence LIMIT 1",
                      "")
        || !read_one(t, st, out))
        return false;
    if (*out == NULL)
        return true;
    (*out)->state = JOB_RUNNING;
    (*out)->started_us = clock_now_us();
    return metadb_run(t, db, "UPDATE job SET state = 'running', started_us = ? WHERE id = ?", "is",
                      (*out)->started_us, (*out)->id);
}

bool job_row_take(struct task *t, struct metadb *db, struct job_row **out)
{
    /* Most looks find nothing: those should not cost a commit. */
    bool is_any;
    *out = NULL;
    return metadb_has(t, db, &is_any, "SELECT 1 FROM job WHERE state = 'queued' LIMIT 1", "")
        && (!is_any || metadb_write(t, db, take, out));
}

struct job_change {
    str id, text;
    enum job_state state;
};

static bool progress(struct task *t, struct metadb *db, void *state)
{
    const struct job_change *change = state;
    return metadb_run(t, db, "UPDATE job SET progress = ? WHERE id = ? AND ended_us IS NULL", "ss",
                      change->text, change->id);
}

bool job_row_progress(struct task *t, struct metadb *db, str id, str text)
{
    return metadb_write(t, db, progress, &(struct job_change){.id = id, .text = text});
}

static bool end(struct task *t, struct metadb *db, void *state)
{
    const struct job_change *change = state;
    if (!metadb_run(
            t, db,
            "UPDATE job SET state = ?, ended_us = ?, result = ? WHERE id = ? AND ended_us IS "
            "NULL",
            "siSs", str_of(job_state_name(change->state)), clock_now_us(), change->text,
            change->id))
        return false;
    return metadb_changes(db) == 1
        || task_fail(t, ERR_CONFLICT, "job " STR_FMT " has ended", STR_ARG(change->id));
}

bool job_row_end(struct task *t, struct metadb *db, str id, enum job_state state, str result)
{
    CHECK(state == JOB_DONE || state == JOB_FAILED || state == JOB_CANCELLED);
    return metadb_write(t, db, end, &(struct job_change){.id = id, .text = result, .state = state});
}

static bool cancel(struct task *t, struct metadb *db, void *state)
{
    struct job_change *change = state;
    struct job_row *row;
    if (!job_row_find(t, db, change->id, &row))
        return false;
    if (row == NULL)
        return task_fail(t, ERR_NOT_FOUND, "there is no job " STR_FMT, STR_ARG(change->id));
    change->state = row->state;
    if (row->state == JOB_RUNNING)
        return metadb_run(t, db, "UPDATE job SET cancel_requested = 1 WHERE id = ?", "s", row->id);
    if (row->state != JOB_QUEUED)
        return true;
    change->state = JOB_CANCELLED;
    return metadb_run(
        t, db,
        "UPDATE job SET state = 'cancelled', cancel_requested = 1, ended_us = ? WHERE "
        "id = ?",
        "is", clock_now_us(), row->id);
}

bool job_row_cancel(struct task *t, struct metadb *db, str id, enum job_state *state_out)
{
    struct job_change change = {.id = id};
    if (!metadb_write(t, db, cancel, &change))
        return false;
    *state_out = change.state;
    return true;
}

static bool recover(struct task *t, struct metadb *db, void *state)
{
    uint64_t *count = state;
    if (!metadb_run(
            t, db,
            "UPDATE job SET state = 'failed', ended_us = ?, result = ? WHERE state = 'running'",
            "is", clock_now_us(),
            STR("{\"code\":\"INTERNAL\",\"message\":\"the server ended during this job\"}")))
        return false;
    *count = metadb_changes(db);
    /* Whoever waited for these has ended with that server: they do not run when nobody looks. */
    return metadb_run(t, db,
                      "UPDATE job SET state = 'cancelled', ended_us = ?, result = ? "
                      "WHERE state = 'queued' AND kind IN ('run', 'runs')",
                      "is", clock_now_us(), STR("CANCELLED"));
}

bool job_row_recover(struct task *t, struct metadb *db, uint64_t *count_out)
{
    return metadb_write(t, db, recover, count_out);
}

bool job_row_find(struct task *t, struct metadb *db, str id, struct job_row **out)
{
    struct metadb_statement *st;
    return metadb_query(t, db, &st, JOB_SELECT "WHERE id = ?", "s", id) && read_one(t, st, out);
}

bool job_row_list(struct task *t, struct metadb *db, uint64_t most, struct job_row_list *out)
{
    *out = (struct job_row_list){0};
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st, JOB_SELECT "ORDER BY sequence DESC LIMIT ?", "i",
                      most != 0 ? (int64_t)most : (int64_t)-1))
        return false;
    while (metadb_next(t, st)) {
        struct job_row *row;
        if (!read_row(t, st, &row))
            return false;
        vec_push(t->mem, out, row);
    }
    return metadb_end(t, st);
}

bool job_row_active(struct task *t, struct metadb *db, struct str_list *out)
{
    struct metadb_statement *st;
    *out = (struct str_list){0};
    if (!metadb_query(t, db, &st,
                      "SELECT subject FROM job WHERE state = 'queued' AND kind IN ('run', 'runs', "
                      "'candidate') UNION ALL SELECT subject FROM job WHERE state = 'running' AND "
                      "kind IN ('run', 'runs', 'candidate')",
                      ""))
        return false;
    while (metadb_next(t, st)) {
        str one, rest = metadb_str(t->mem, st, 0);
        while (rest.len > 0) {
            (void)str_cut(rest, ',', &one, &rest);
            str_list_add(t->mem, out, one);
        }
    }
    return metadb_end(t, st);
}

bool job_row_is_active(const struct str_list *active, str product)
{
    return str_list_has(active, product) || str_list_has(active, STR("*"));
}
