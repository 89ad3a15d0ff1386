/* Access as an agreement: requests, their decisions, their ends; and who can see what. */
#ifndef WEFT_GOVERN_H
#define WEFT_GOVERN_H

#include "json_out/json_out.h"
#include "services/services.h"

/* What is asked for. */
struct govern_ask {
    str target; /* `domain.product` or `domain.product.table` */
    str role;   /* of the contract; empty: the only one */
    str taker;  /* `user:NAME`, `group:NAME`, `product:DOMAIN.NAME`; empty: who asks */
    struct str_list purposes; /* of mesh.yaml */
    str until;                /* a date, whose whole day is meant, or a time */
    str reason;
};

enum govern_move { GOVERN_APPROVE, GOVERN_DENY, GOVERN_REVOKE, GOVERN_WITHDRAW };

/* ERR_NOT_FOUND for what is not there and what may not be discovered, ERR_INVALID for terms that cannot be, ERR_CONFLICT when the
 * taker has it already or an open request asks for it. */
MUST_CHECK bool govern_request(struct task *t, struct services *s, const struct govern_ask *ask,
                               uint64_t *id_out);
/* A new request with the terms of this one, for a later end. When it is approved this one is over. `reason` empty: the same. */
MUST_CHECK bool govern_renew(struct task *t, struct services *s, str id, str until, str reason,
                             uint64_t *id_out);
/* One step, by who may take it: one transaction of state, audit and event, then the image. ERR_DENIED is audited too. */
MUST_CHECK bool govern_move(struct task *t, struct services *s, str id, enum govern_move move,
                            str reason);
/* Ends what has come to its end: each once, with audit row and event. */
MUST_CHECK bool govern_expire(struct task *t, struct services *s);
/* The job `clear` that an approval leaves: makes the cleared files of what it opens, within a share of their quota. `request` is
 * `access:7`. */
MUST_CHECK bool govern_prepare(struct task *t, struct services *s, str request);

/* Each writes one JSON object. */
/* Requests that the actor may know of, newest first. `state` and `target` may be empty. */
MUST_CHECK bool govern_list(struct task *t, struct services *s, str state, str target,
                            struct json_out *o);
/* One with its steps, its approvers, and what it would open as long as it is open or in force. */
MUST_CHECK bool govern_show(struct task *t, struct services *s, str id, struct json_out *o);

/* Who can see a column (`domain.product.table.column`): every user and product, for each purpose. For those who govern and the owners
 * of its domain. */
MUST_CHECK bool govern_report_column(struct task *t, struct services *s, str column,
                                     struct json_out *o);
/* What a user (`NAME`, `user:NAME`) or product (`product:DOMAIN.NAME`) can see. Owners see it of their own products. */
MUST_CHECK bool govern_report_actor(struct task *t, struct services *s, str name,
                                    struct json_out *o);
/* Waivers in force; owners see those that may concern their products, takers their own. */
MUST_CHECK bool govern_report_waivers(struct task *t, struct services *s, struct json_out *o);
/* Grants of files and agreements that nobody used in the last days, with their last use. */
MUST_CHECK bool govern_report_unused(struct task *t, struct services *s, int64_t days,
                                     struct json_out *o);

#endif
