/* The audit: append-only rows, each bound to the one before it by SHA-256. */
#ifndef WEFT_AUDIT_H
#define WEFT_AUDIT_H

#include "actor/actor.h"
#include "metadb/metadb.h"

enum { AUDIT_VERSION = 2 }; /* of new rows; those of version 1 bind no door, query or record */

/* What the first row follows. */
#define AUDIT_NOTHING "0000000000000000000000000000000000000000000000000000000000000000"

struct audit_row {
    uint64_t sequence; /* without gaps */
    int64_t time_us;
    str actor_kind; /* user, product, operator; empty: a row of version 1 */
    str actor, on_behalf;
    str door;                /* cli, socket, http, job; empty: none */
    str action;              /* `query`, `query.end`, `apply`, `publish`, `token.create`, … */
    str object;              /* what it was done to */
    str outcome;             /* allowed, denied, done, failed, … */
    str detail;              /* JSON */
    uint64_t query;          /* the recorded query that it tells of, or 0 */
    str record;              /* hex digest of that query's rows as they were then, or empty */
    str previous_hash, hash; /* hex */
    uint64_t version;
};

struct audit_list {
    VEC_OF(struct audit_row) /* in order */
};

/* Appends for t->actor, in the caller's transaction; outside one it is a write of its own and
 * durable on return: how a change or an answer is announced before its first byte. `detail` is JSON
 * or empty. `sequence_out` may be NULL. */
MUST_CHECK bool audit_append(struct task *t, struct metadb *db, str action, str object, str outcome,
                             str detail, uint64_t *sequence_out);
/* The same with all that the caller knows; actor and time are his to fill. Sets sequence and
 * hashes. */
MUST_CHECK bool audit_add(struct task *t, struct metadb *db, struct audit_row *row);
/* A row of another catalog as it is there, with its sequence and hashes. */
MUST_CHECK bool audit_put(struct task *t, struct metadb *db, const struct audit_row *row);
/* Who and when, of an actor. */
void audit_fill(struct audit_row *row, const struct actor *actor);
/* What the hash of a row of its version must be. */
str audit_hash(struct arena *mem, const struct audit_row *row);

/* Which rows somebody wants, and may see. Empty fields choose nothing. */
struct audit_filter {
    str actor;  /* who did it, or for whom it was done */
    str action; /* or its beginning: `query` finds `query.end` too */
    str object;
    int64_t since_us, until_us;
    str own;          /* only rows of this user … */
    str owned_tables; /* … and queries of these tables: a JSON list of table ids */
    uint64_t after;   /* sequence */
    bool is_newest;   /* the last ones that fit, not the first */
    uint64_t most;
};

/* In order of sequence. */
MUST_CHECK bool audit_find(struct task *t, struct metadb *db, const struct audit_filter *filter,
                           struct audit_list *out);
/* Rows by sequence, after one: for those that read all. */
MUST_CHECK bool audit_after(struct task *t, struct metadb *db, uint64_t sequence, uint64_t most,
                            struct audit_list *out);

#endif
