/* The states of an access request, and which step leads from which to which. Pure. */
#ifndef WEFT_ACCESS_STATE_H
#define WEFT_ACCESS_STATE_H

#include "str/str.h"

enum access_state {
    ACCESS_REQUESTED,
    ACCESS_APPROVED_FIRST, /* by the first level, while the role has a second */
    ACCESS_APPROVED,       /* in force until its end */
    ACCESS_DENIED,
    ACCESS_WITHDRAWN,
    ACCESS_REVOKED,
    ACCESS_EXPIRED,
    ACCESS_RENEWED, /* the agreement that renews it is in force */
    ACCESS_STATE_COUNT
};

enum access_step {
    ACCESS_REQUEST, /* the first one: makes the row */
    ACCESS_APPROVE,
    ACCESS_DENY,
    ACCESS_WITHDRAW,
    ACCESS_REVOKE,
    ACCESS_EXPIRE,
    ACCESS_RENEW,
    ACCESS_STEP_COUNT
};

const char *access_state_name(enum access_state state);
bool access_state_by_name(str name, enum access_state *out);
const char *access_state_step_name(enum access_step step);
/* Waits for somebody's decision. */
bool access_state_is_open(enum access_state state);
/* The state after a step; false when there is no such step from here. `has_second_level`: the role has approvers of both. */
bool access_state_next(enum access_state from, enum access_step step, bool has_second_level,
                       enum access_state *out);

#endif
