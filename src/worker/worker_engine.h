/* The engine in this process: opened once, in memory, with the settings that no text may change. */
#ifndef WEFT_WORKER_ENGINE_H
#define WEFT_WORKER_ENGINE_H

#include <duckdb.h>

#include "worker_errors.h"
#include "worker_link.h"
#include "worker_options.h"

struct worker_views;
struct worker_footers;
struct worker_hash;

struct worker_engine {
    const struct worker_options *options;
    struct worker_link *link;
    struct arena *mem; /* as long as the worker */
    duckdb_database db;
    duckdb_connection con;
    duckdb_prepared_statement parse;
    struct worker_secrets secrets;
    struct worker_views *views;
    struct worker_footers *footers;
    struct worker_hash *hash; /* or NULL */
    bool is_frozen;           /* the texts' present is not the clock's: worker_clock */
    struct map *keywords;     /* of its grammar */
    int64_t spill_looked_ms;
};

/* `extensions` is NULL, or the folder that LOAD looks in. The engine lives as long as the process. */
MUST_CHECK bool worker_engine_open(struct task *t, const struct worker_options *options,
                                   const char *extensions, struct worker_link *link,
                                   struct worker_engine *out);
/* A second connection with the settings of the first, for work that another thread does. worker_engine_part ends it. */
MUST_CHECK bool worker_engine_join(struct task *t, const struct worker_engine *e,
                                   struct worker_engine *out);
void worker_engine_part(struct worker_engine *joined);
/* Interrupts what runs; from any thread. For struct worker_link. */
void worker_engine_interrupt(void *engine);
/* Fails with CANCELLED when the server wants this request no more. */
MUST_CHECK bool worker_go_on(struct task *t, const struct worker_engine *e);
/* A statement of ours that gives no rows. */
MUST_CHECK bool worker_execute(struct task *t, struct worker_engine *e, str sql);
/* The only thing done with a text that nobody has cleared: it is a value here. */
MUST_CHECK bool worker_parse(struct task *t, struct worker_engine *e, str sql, str *json_out);

/* A statement on its way: prepared, begun, giving rows. Closed with the task's memory. */
struct worker_statement {
    duckdb_prepared_statement prepared;
    duckdb_pending_result pending;
    duckdb_result result;
    bool has_result;
    bool is_running; /* threads of the engine may work on it */
    duckdb_connection con;
    struct worker_span span; /* where the author's text lies in it */
};

MUST_CHECK bool worker_prepare(struct task *t, struct worker_engine *e, str sql,
                               struct worker_span span, struct worker_statement **out);
/* Runs until the first rows are there (`streaming`), or all of it. `tick` is called now and then, and ends it by failing. */
MUST_CHECK bool worker_run(struct task *t, struct worker_engine *e,
                           struct worker_statement *statement, bool streaming,
                           bool (*tick)(struct task *t, void *state), void *state);
/* The next rows, or NULL at the end. The caller destroys the chunk. */
MUST_CHECK bool worker_fetch(struct task *t, struct worker_engine *e,
                             struct worker_statement *statement, duckdb_data_chunk *out);
void worker_statement_close(struct task *t, struct worker_statement *statement);

#endif
