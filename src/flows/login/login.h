/* Who asks: from a token, or from the other side of the unix socket. */
#ifndef WEFT_LOGIN_H
#define WEFT_LOGIN_H

#include "actor/actor.h"
#include "services/services.h"

struct login {
    bool is_owner_of_home; /* by the unix socket's peer credentials */
    str peer_name;         /* of that owner, for the audit */
    str token;             /* Bearer; else */
    str as_user;           /* Weft-As: only by the owner of the home */
    str purpose;
    str door; /* by which the request came, for the audit */
};

/* ERR_UNAUTHENTICATED for an unknown or ended token, ERR_DENIED for an `as_user` by someone who may not, ERR_NOT_FOUND for one
 * who does not exist. The actor lives in the task. */
MUST_CHECK bool login_actor(struct task *t, struct services *s, const struct login *login,
                            struct actor **out);
/* Operators, and administrators of mesh.yaml: else ERR_DENIED. */
MUST_CHECK bool login_demand_admin(struct task *t, struct services *s);

#endif
