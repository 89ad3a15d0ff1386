/* One engine_job, from its frame to its answer. */
#ifndef WEFT_WORKER_JOB_H
#define WEFT_WORKER_JOB_H

#include "worker_engine.h"

/* Runs it and sends COLUMNS, BYTES and PROGRESS on the way. DONE or FAILED is the caller's. */
MUST_CHECK bool worker_job(struct task *t, struct worker_engine *e, const struct engine_job *job,
                           struct job_result *out);

/* Its outputs. */
MUST_CHECK bool worker_rows(struct task *t, struct worker_engine *e, const struct engine_job *job,
                            struct job_result *out);
MUST_CHECK bool worker_file(struct task *t, struct worker_engine *e, const struct engine_job *job,
                            struct job_result *out);
MUST_CHECK bool worker_files(struct task *t, struct worker_engine *e, const struct engine_job *job,
                             struct job_result *out);
MUST_CHECK bool worker_columns(struct task *t, struct worker_engine *e,
                               const struct engine_job *job);

/* What they share. */
/* The job's own text, prepared as it came; texts of others must be a SELECT. */
MUST_CHECK bool worker_prepare_text(struct task *t, struct worker_engine *e,
                                    const struct engine_job *job, struct worker_statement **out);
void worker_result_names(struct task *t, const struct worker_statement *statement,
                         struct str_list *out);
/* Names and types of what a prepared statement gives. For each type the engine copies all of them. */
void worker_result_columns(struct task *t, struct worker_engine *e,
                           const struct worker_statement *statement, struct job_columns *out);
MUST_CHECK bool worker_send_columns(struct task *t, struct worker_engine *e,
                                    const struct job_columns *columns);

/* PROGRESS, at most every 100 ms. */
struct worker_progress {
    struct worker_engine *e;
    int64_t last_ms;
    uint64_t rows, bytes;
    const atomic_size_t *ended; /* of so many steps; NULL: the engine says how far it is */
    size_t steps;
};
void worker_progress_send(struct worker_progress *progress);

#endif
