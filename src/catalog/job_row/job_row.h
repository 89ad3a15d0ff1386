/* Jobs: work that flows start by a row, follow by its progress and cancel by a flag. */
#ifndef WEFT_JOB_ROW_H
#define WEFT_JOB_ROW_H

#include "metadb/metadb.h"
#include "vec/vec.h"

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED, JOB_STATE_COUNT };

const char *job_state_name(enum job_state state);
bool job_state_by_name(str name, enum job_state *out);

struct job_row {
    uint64_t sequence;
    str id;      /* UUID */
    str kind;    /* run, … */
    str subject; /* product address, … */
    str input;   /* JSON: what was asked */
    enum job_state state;
    str requested_by;
    int64_t requested_us, started_us, ended_us;
    str progress, result; /* JSON, or empty */
    bool is_cancel_requested;
};

struct job_row_list {
    VEC_OF(struct job_row *)
};

/* Each is a write of its own, or part of the caller's. */
/* Joins the queued job of the same kind and subject where there is one (its input becomes this one
 * unless that is empty), else queues a new one. `id_out` is the job to follow. What `how` of the
 * inputs says is the same for both, or `full` covers the one that says nothing: else ERR_BUSY. */
MUST_CHECK bool job_row_queue(struct task *t, struct metadb *db, str kind, str subject, str input,
                              str requested_by, str *id_out, bool *joined_out);
/* As job_row_queue, asked for by nobody. One that waits already, asked for in whatever way, serves as well. */
MUST_CHECK bool job_row_queue_scheduled(struct task *t, struct metadb *db, str kind, str subject);
/* The oldest queued job whose kind and subject nobody runs, now running; NULL when there is none.
 * */
MUST_CHECK bool job_row_take(struct task *t, struct metadb *db, struct job_row **out);
MUST_CHECK bool job_row_progress(struct task *t, struct metadb *db, str id, str progress);
/* `state` is done, failed or cancelled. ERR_CONFLICT when the job has ended. */
MUST_CHECK bool job_row_end(struct task *t, struct metadb *db, str id, enum job_state state,
                            str result);
/* A queued job ends as cancelled at once, a running one is asked to. An ended one stays as it is.
 * ERR_NOT_FOUND. */
MUST_CHECK bool job_row_cancel(struct task *t, struct metadb *db, str id,
                               enum job_state *state_out);
/* At start: running ones of an earlier server have failed. */
MUST_CHECK bool job_row_recover(struct task *t, struct metadb *db, uint64_t *count_out);

/* NULL when there is none. */
MUST_CHECK bool job_row_find(struct task *t, struct metadb *db, str id, struct job_row **out);
/* Products of which a run or candidate waits or is at work; `*`: all. */
MUST_CHECK bool job_row_active(struct task *t, struct metadb *db, struct str_list *out);
bool job_row_is_active(const struct str_list *active, str product);
/* Was it asked for by nobody, but by a time that came? */
bool job_row_is_scheduled(const struct job_row *row);
/* Newest first; `most` 0 is all. */
MUST_CHECK bool job_row_list(struct task *t, struct metadb *db, uint64_t most,
                             struct job_row_list *out);

#endif
