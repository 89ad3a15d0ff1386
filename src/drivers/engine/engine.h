/* The pool of workers: start, lend to one actor, hand a job over, relay frames, cancel, kill, recycle. */
#ifndef WEFT_ENGINE_H
#define WEFT_ENGINE_H

#include "config/config.h"
#include "job/job.h"
#include "tree/tree.h"

struct engine;
struct worker;

/* The one address that an extract worker may reach: resolved and checked before. */
struct engine_reach {
    str address; /* numeric IPv4 or IPv6; empty: none */
    uint16_t listen_port;
};

/* Starts nothing yet but the reaper and the warm ones. Worker folders are `<home>/workers/<id>/{in,tmp,out}`; what an earlier
 * server left there is removed. Fails where the kernel lacks Landlock and the setting says `required`. */
MUST_CHECK bool engine_open(struct task *t, const struct config *config, str home,
                            struct engine **out);
/* Kills all workers and waits for them. */
void engine_close(struct engine *engine);

/* A worker of this kind for this owner: an idle one of his, or a new one (waits for a free slot until the deadline). A consumer
 * or build worker never changes hands; `owner` is actor and purpose. The loan ends with the task: arena_defer. */
MUST_CHECK bool engine_lend(struct task *t, struct engine *engine, enum worker_kind kind, str owner,
                            struct engine_reach reach, struct worker **out);
/* Ends the loan early. A worker whose last job failed inside, timed out or was cancelled late is killed. */
void engine_return(struct task *t, struct worker *worker);

/* Text -> the engine's own tree as JSON (`json_serialize_sql`). The position of a syntax error is set. */
MUST_CHECK bool engine_parse(struct task *t, struct worker *worker, str sql, str *json_out);
/* Runs a job: links its files in, sends it, relays rows to `sink`, unlinks. `sink` may be NULL unless the output is
 * JOB_ROWS or JOB_COLUMNS (which calls begin and end only). Cancel, deadline and a sink that fails interrupt the engine; two
 * seconds later the worker is killed. Engine errors pass with their text and position. A failure leaves in `out` what the sink was
 * given of rows. By lint only gate and flows/run call it. */
MUST_CHECK bool engine_run(struct task *t, struct worker *worker, const struct engine_job *job,
                           struct row_sink *sink, struct job_result *out);
/* The same, for our own text over files that no gate has cleared: in check, clearing and extract workers only. */
MUST_CHECK bool engine_run_uncleared(struct task *t, struct worker *worker,
                                     const struct engine_job *job, struct row_sink *sink,
                                     struct job_result *out);
enum { ENGINE_ANSWER_BYTES_MAX = 16 << 20 };
struct engine_rows {
    VEC_OF(const struct tree *) /* each a list of cells; in the task's memory */
};
/* Runs a job for rows that are few, as ROW_FORMAT_ROWS has them. `is_cleared`: by engine_run, else by engine_run_uncleared. */
MUST_CHECK bool engine_ask(struct task *t, struct worker *worker, struct engine_job *job,
                           bool is_cleared, struct engine_rows *out);
/* Rows of a stream of ROW_FORMAT_ROWS. */
MUST_CHECK bool engine_rows_read(struct task *t, str bytes, struct engine_rows *out);
/* Where JOB_FILE wrote: `<folder>/out/<name>`. The caller moves it away before the loan ends. */
str engine_output_path(struct task *t, const struct worker *worker, str name);

/* Withdraws: kills the workers that are lent to this task, and waits for their end. Its jobs fail with ERR_CONFLICT. */
void engine_withdraw(struct engine *engine, const struct task *lender);
/* An owner's idle workers end now, and those that are lent to him when their loans end: what they remember is no longer his. */
void engine_retire(struct engine *engine, str owner);
/* True for the process of a worker: the unix socket refuses those. */
bool engine_is_worker(struct engine *engine, int64_t process_id);
/* Of the workers: for status. */
struct engine_state {
    uint32_t workers, lent;
    uint64_t started, killed;
};
struct engine_state engine_state(struct engine *engine);

#endif
