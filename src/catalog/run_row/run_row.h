/* Runs: one attempt each to make a release. */
#ifndef WEFT_RUN_ROW_H
#define WEFT_RUN_ROW_H

#include "metadb/metadb.h"
#include "vec/vec.h"

enum run_state {
    RUN_QUEUED,
    RUN_STARTED,
    RUN_EXTRACTING,
    RUN_CHECKING,
    RUN_TRANSFORMING,
    RUN_PUBLISHING,
    RUN_PUBLISHED, /* this and those that follow are ends */
    RUN_REJECTED,
    RUN_FAILED,
    RUN_CANCELLED,
    RUN_CANDIDATE, /* an end too: what it made waits to be published */
    RUN_STATE_COUNT
};

const char *run_state_name(enum run_state state); /* "extracting" */
bool run_state_by_name(str name, enum run_state *out);
bool run_state_is_end(enum run_state state);

/* A product that it reads, and the release of it. */
struct run_pin {
    uint64_t product_id, release;
};

struct run_pins {
    VEC_OF(struct run_pin)
};

struct run_row {
    uint64_t sequence;
    str id; /* UUID */
    uint64_t product_id;
    enum run_state state;
    str step; /* for people: what it is doing, or did last */
    bool is_full;
    str requested_by, job_id;
    int64_t created_us, started_us, ended_us;
    str error; /* JSON, or empty */
    uint64_t rows;
    uint64_t release;     /* number that it published; 0: none */
    struct run_pins pins; /* written with a new row, not read */
};

struct run_row_list {
    VEC_OF(struct run_row *) /* newest first */
};

/* Each is a write of its own, or part of the caller's. Sets row->sequence. */
MUST_CHECK bool run_row_insert(struct task *t, struct metadb *db, struct run_row *row);
/* ERR_CONFLICT when the run has ended. */
MUST_CHECK bool run_row_step(struct task *t, struct metadb *db, str id, enum run_state state,
                             str step);
/* `state` is an end; `error` JSON or empty. ERR_CONFLICT when the run has ended. */
MUST_CHECK bool run_row_end(struct task *t, struct metadb *db, str id, enum run_state state,
                            str error, uint64_t rows, uint64_t release);
/* In a transaction, of a run whose end is RUN_CANDIDATE: it was published as this release, or (0) dropped. */
MUST_CHECK bool run_row_settle(struct task *t, struct metadb *db, str id, uint64_t release);
/* In a transaction: one that has ended in another catalog, as it was there. `release` is that which this one has of it. */
MUST_CHECK bool run_row_take(struct task *t, struct metadb *db, const struct run_row *row,
                             uint64_t release);
/* NULL when there is none. */
MUST_CHECK bool run_row_find(struct task *t, struct metadb *db, str id, struct run_row **out);
/* Of a product, or of all when it is 0; `most` 0 is all. */
MUST_CHECK bool run_row_list(struct task *t, struct metadb *db, uint64_t product_id, uint64_t most,
                             struct run_row_list *out);
/* At start: runs that an earlier server left unfinished have failed. */
MUST_CHECK bool run_row_recover(struct task *t, struct metadb *db, uint64_t *count_out);

#endif
