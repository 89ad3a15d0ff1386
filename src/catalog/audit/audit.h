/* The audit: append-only rows, each bound to the one before it by SHA-256. */
#ifndef WEFT_AUDIT_H
#define WEFT_AUDIT_H

#include "actor/actor.h"
#include "metadb/metadb.h"

struct audit_row {
    uint64_t sequence; /* without gaps */
    int64_t time_us;
    str actor, on_behalf;
    str action;              /* `query`, `apply`, `publish`, `token.create`, … */
    str object;              /* what it was done to */
    str outcome;             /* allowed, denied, done, failed, … */
    str detail;              /* JSON */
    str previous_hash, hash; /* hex */
};

struct audit_list {
    VEC_OF(struct audit_row) /* in order */
};

struct audit_state {
    uint64_t rows;
    str head; /* hash of the last row, or of nothing */
    bool is_whole;
    uint64_t broken_at; /* sequence of the first row that does not fit */
    str reason;
};

/* Appends for t->actor, in the caller's transaction; outside one it is a write of its own and
 * durable on return: how a change or an answer is announced before its first byte. `detail` is JSON
 * or empty. `sequence_out` may be NULL. */
MUST_CHECK bool audit_append(struct task *t, struct metadb *db, str action, str object, str outcome,
                             str detail, uint64_t *sequence_out);
/* Reads all rows and computes the chain anew. False only when reading fails. */
MUST_CHECK bool audit_verify(struct task *t, struct metadb *db, struct audit_state *out);
/* Of one actor, or of all when empty. */
MUST_CHECK bool audit_after(struct task *t, struct metadb *db, str actor, uint64_t sequence,
                            uint64_t most, struct audit_list *out);

#endif
