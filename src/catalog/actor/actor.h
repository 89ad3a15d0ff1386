/* Who asks. */
#ifndef WEFT_ACTOR_H
#define WEFT_ACTOR_H

#include "policy/policy.h"
#include "task/task.h"

enum actor_kind {
    ACTOR_USER,
    ACTOR_PRODUCT,
    ACTOR_OPERATOR /* owner of the home, through the unix socket */
};

struct actor {
    enum actor_kind kind;
    str name; /* user name, or `domain.product`, or the operator's login name */
    struct str_list groups;
    const struct tree *attributes; /* a map, or NULL */
    str purpose;
    str on_behalf;    /* an operator's own name when he asks as a user (`--as`), else empty */
    str door;         /* by which he came, for the audit: cli, socket, http, job */
    uint64_t version; /* changes with groups and attributes */
};

const char *actor_kind_name(enum actor_kind kind); /* "user" */

/* An operator administers and reads no data; the audit records what he does as an override. */
bool actor_is_operator(const struct actor *actor);
/* For worker ownership and logs: `user:ana/reporting`. */
str actor_key(struct arena *mem, const struct actor *actor);
void actor_to_policy(const struct actor *actor, struct policy_actor *out);

#endif
