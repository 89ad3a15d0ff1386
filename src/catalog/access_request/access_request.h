/* Access requests and the agreements that they become: who may read what, what for, until when, and each step of it. */
#ifndef WEFT_ACCESS_REQUEST_H
#define WEFT_ACCESS_REQUEST_H

#include "access_request/access_state.h"
#include "metadb/metadb.h"
#include "vec/vec.h"

enum access_taker_kind { ACCESS_USER, ACCESS_GROUP, ACCESS_PRODUCT };

struct access_request {
    uint64_t id;
    str product;  /* domain.product */
    str table;    /* empty: all tables of the contract */
    str contract; /* ODCS id */
    str role;     /* empty: the contract has none */
    enum access_taker_kind taker_kind;
    str taker; /* user, group, or domain.product */
    struct str_list purposes;
    int64_t until_us; /* it ends at this instant */
    str reason;
    enum access_state state;
    str requested_by;
    int64_t requested_us, changed_us;
    uint64_t previous; /* the one that this renews; 0: none */
};

struct access_request_list {
    VEC_OF(struct access_request *)
};

struct access_request_step {
    enum access_step step;
    int level; /* of an approval: 1 or 2 */
    str actor, on_behalf, reason;
    int64_t time_us;
    enum access_state state; /* after it */
};

struct access_request_steps {
    VEC_OF(struct access_request_step) /* in order */
};

const char *access_request_taker_name(enum access_taker_kind kind); /* "user" */
/* `domain.product` or `domain.product.table`. */
str access_request_target(struct arena *mem, const struct access_request *row);
/* What decisions call the agreement: `access:7`. */
str access_request_policy(struct arena *mem, uint64_t id);

/* ---- in a caller's write */

/* A new row, its id set, with its first step. ERR_CONFLICT names an open request for the same. */
MUST_CHECK bool access_request_insert(struct task *t, struct metadb *db,
                                      struct access_request *row);
/* One step from the state that the row has by now, by t->actor: state and time of `row` are those after it. ERR_CONFLICT when there
 * is no such step from there, ERR_NOT_FOUND. */
MUST_CHECK bool access_request_move(struct task *t, struct metadb *db, struct access_request *row,
                                    enum access_step step, bool has_second_level, str reason);

/* ---- reading */

/* NULL when there is none. */
MUST_CHECK bool access_request_find(struct task *t, struct metadb *db, uint64_t id,
                                    struct access_request **out);
/* Newest first; `most` 0 is all. */
MUST_CHECK bool access_request_list(struct task *t, struct metadb *db, uint64_t most,
                                    struct access_request_list *out);
MUST_CHECK bool access_request_steps(struct task *t, struct metadb *db, uint64_t id,
                                     struct access_request_steps *out);
/* Those that have not ended though their time has come. */
MUST_CHECK bool access_request_due(struct task *t, struct metadb *db, int64_t now_us,
                                   struct access_request_list *out);
/* The agreements in force, by id, into `mem`: for the image. */
MUST_CHECK bool access_request_in_force(struct task *t, struct arena *mem, struct metadb *db,
                                        struct access_request_list *out);
/* Of one taker on one product: open requests and agreements in force. */
MUST_CHECK bool access_request_live(struct task *t, struct metadb *db, enum access_taker_kind kind,
                                    str taker, str product, struct access_request_list *out);

#endif
