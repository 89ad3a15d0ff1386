/* Environments as JSON. */
#ifndef WEFT_BROWSE_ENV_H
#define WEFT_BROWSE_ENV_H

#include "browse/browse.h"

/* One, whose services these are. */
MUST_CHECK bool browse_env(struct task *t, struct services *s, struct json_out *o);

#endif
