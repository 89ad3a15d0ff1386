#include "run_row/run_row.h"

#include "clock/clock.h"

static const char *const STATES[RUN_STATE_COUNT] = {
    [RUN_QUEUED] = "queued",
    [RUN_STARTED] = "started",
    [RUN_EXTRACTING] = "extracting",
    [RUN_CHECKING] = "checking",
    [RUN_TRANSFORMING] = "transforming",
    [RUN_PUBLISHING] = "publishing",
    [RUN_PUBLISHED] = "published",
    [RUN_REJECTED] = "rejected",
    [RUN_FAILED] = "failed",
    [RUN_CANCELLED] = "cancelled",
    [RUN_CANDIDATE] = "candidate",
};

#define RUN_SELECT                                                                                 \
    "SELECT sequence, id, product_id, state, step, is_full, requested_by, job_id, created_us, "    \
    "started_us, ended_us, error, rows, release, is_candidate FROM run "

const char *run_state_name(enum run_state state)
{
    CHECK(state < RUN_STATE_COUNT);
    return STATES[state];
}

bool run_state_by_name(str name, enum run_state *out)
{
    for (enum run_state i = 0; i < RUN_STATE_COUNT; i++) {
        if (str_eq(name, str_of(STATES[i]))) {
            *out = i;
            return true;
        }
    }
    return false;
}

bool run_state_is_end(enum run_state state)
{
    return state >= RUN_PUBLISHED;
}

static bool insert(struct task *t, struct metadb *db, void *state)
{
    struct run_row *row = state;
    int64_t now = clock_now_us();
    if (row->created_us == 0)
        row->created_us = now;
    if (row->state != RUN_QUEUED && row->started_us == 0)
        row->started_us = now;
    if (!metadb_run(t, db,
                    "INSERT INTO run (id, product_id, state, step, is_full, requested_by, job_id, "
                    "created_us, started_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    "sissdsSiI", row->id, row->product_id, str_of(run_state_name(row->state)),
                    row->step, (int)row->is_full, row->requested_by, row->job_id, row->created_us,
                    row->started_us))
        return false;
    row->sequence = metadb_last_id(db);
    for (size_t i = 0; i < row->pins.len; i++)
        if (!metadb_run(t, db, "INSERT INTO run_input VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                        "sii", row->id, row->pins.at[i].product_id, row->pins.at[i].release))
            return false;
    return true;
}

bool run_row_insert(struct task *t, struct metadb *db, struct run_row *row)
{
    return metadb_write(t, db, insert, row);
}

bool run_row_take(struct task *t, struct metadb *db, const struct run_row *row, uint64_t release)
{
    CHECK(metadb_is_writer(db) && run_state_is_end(row->state));
    return metadb_run(
        t, db,
        "INSERT INTO run (id, product_id, state, step, is_full, requested_by, job_id, created_us, "
        "started_us, ended_us, error, rows, release) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?) ON CONFLICT (id) DO NOTHING",
        "sissdsSiIISiI", row->id, row->product_id, str_of(run_state_name(RUN_PUBLISHED)), row->step,
        (int)row->is_full, row->requested_by, row->job_id, row->created_us, row->started_us,
        row->ended_us, row->error, row->rows, release);
}

struct run_change {
    str id;
    enum run_state state;
    str step, error;
    uint64_t rows, release;
};

static bool is_changed(struct task *t, struct metadb *db, str id)
{
    return metadb_changes(db) == 1
        || task_fail(t, ERR_CONFLICT, "run " STR_FMT " has ended", STR_ARG(id));
}

static bool step(struct task *t, struct metadb *db, void *state)
{
    const struct run_change *change = state;
    return metadb_run(
               t, db,
               "UPDATE run SET state = ?, step = ?, started_us = coalesce(started_us, ?) WHERE "
               "id = ? AND ended_us IS NULL",
               "ssis", str_of(run_state_name(change->state)), change->step, clock_now_us(),
               change->id)
        && is_changed(t, db, change->id);
}

bool run_row_step(struct task *t, struct metadb *db, str id, enum run_state state, str step_name)
{
    CHECK(!run_state_is_end(state));
    return metadb_write(t, db, step,
                        &(struct run_change){.id = id, .state = state, .step = step_name});
}

static bool end(struct task *t, struct metadb *db, void *state)
{
    const struct run_change *change = state;
    /* What nobody asked to cancel ends because the server does. */
    return metadb_run(
               t, db,
               "UPDATE run SET state = ?1, ended_us = ?, error = ?, rows = ?, release = ?, "
               "is_candidate = ?, was_cut = ?1 = 'cancelled' AND EXISTS (SELECT 1 FROM job j "
               "WHERE j.id = run.job_id AND j.cancel_requested = 0) "
               "WHERE id = ? AND ended_us IS NULL",
               "siSiIds",
               str_of(
                   run_state_name(change->state == RUN_CANDIDATE ? RUN_PUBLISHED : change->state)),
               clock_now_us(), change->error, change->rows, change->release,
               (int)(change->state == RUN_CANDIDATE), change->id)
        && is_changed(t, db, change->id);
}

bool run_row_end(struct task *t, struct metadb *db, str id, enum run_state state, str error,
                 uint64_t rows, uint64_t release)
{
    CHECK(run_state_is_end(state));
    return metadb_write(
        t, db, end,
        &(struct run_change){
            .id = id, .state = state, .error = error, .rows = rows, .release = release});
}

bool run_row_settle(struct task *t, struct metadb *db, str id, uint64_t release)
{
    CHECK(metadb_is_writer(db));
    return release > 0
             ? metadb_run(t, db, "UPDATE run SET is_candidate = 0, release = ? WHERE id = ?", "is",
                          release, id)
             : metadb_run(
                 t, db,
                 "UPDATE run SET is_candidate = 0, state = 'cancelled', error = ? WHERE id = ?",
                 "ss", STR("{\"code\":\"CANCELLED\",\"message\":\"the candidate was dropped\"}"),
                 id);
}

static bool read_row(struct task *t, struct metadb_statement *st, struct run_row **out)
{
    struct run_row *row = ARENA_NEW(t->mem, struct run_row);
    *row = (struct run_row){.sequence = metadb_uint(st, 0),
                            .id = metadb_str(t->mem, st, 1),
                            .product_id = metadb_uint(st, 2),
                            .step = metadb_str(t->mem, st, 4),
                            .is_full = metadb_int(st, 5) != 0,
                            .requested_by = metadb_str(t->mem, st, 6),
                            .job_id = metadb_str(t->mem, st, 7),
                            .created_us = metadb_int(st, 8),
                            .started_us = metadb_int(st, 9),
                            .ended_us = metadb_int(st, 10),
                            .error = metadb_str(t->mem, st, 11),
                            .rows = metadb_uint(st, 12),
                            .release = metadb_uint(st, 13)};
    *out = row;
    if (!run_state_by_name(metadb_str(t->mem, st, 3), &row->state))
        return task_fail(t, ERR_CORRUPT, "run " STR_FMT " has no known state", STR_ARG(row->id));
    if (metadb_int(st, 14) != 0)
        row->state = RUN_CANDIDATE;
    return true;
}

bool run_row_find(struct task *t, struct metadb *db, str id, struct run_row **out)
{
    *out = NULL;
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st, RUN_SELECT "WHERE id = ?", "s", id)
        || (metadb_next(t, st) && !read_row(t, st, out)))
        return false;
    return metadb_end(t, st);
}

bool run_row_list(struct task *t, struct metadb *db, uint64_t product_id, uint64_t most,
                  struct run_row_list *out)
{
    *out = (struct run_row_list){0};
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      RUN_SELECT "WHERE ?1 = 0 OR product_id = ?1 ORDER BY sequence DESC LIMIT ?2",
                      "ii", product_id, most != 0 ? (int64_t)most : (int64_t)-1))
        return false;
    while (metadb_next(t, st)) {
        struct run_row *row;
        if (!read_row(t, st, &row))
            return false;
        vec_push(t->mem, out, row);
    }
    return metadb_end(t, st);
}

static bool recover(struct task *t, struct metadb *db, void *state)
{
    uint64_t *count = state;
    if (!metadb_run(
            t, db,
            "UPDATE run SET state = 'failed', ended_us = ?, error = ?, was_cut = 1 WHERE ended_us "
            "IS NULL",
            "is", clock_now_us(),
            STR("{\"code\":\"INTERNAL\",\"message\":\"the server ended during this run\"}")))
        return false;
    *count = metadb_changes(db);
    return true;
}

bool run_row_recover(struct task *t, struct metadb *db, uint64_t *count_out)
{
    return metadb_write(t, db, recover, count_out);
}
