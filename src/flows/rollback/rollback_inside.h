#ifndef WEFT_ROLLBACK_INSIDE_H
#define WEFT_ROLLBACK_INSIDE_H

#include "rollback/rollback.h"

/* Whether what today's contract promises, and today's labels guard, is what the release holds. */
MUST_CHECK bool rollback_fits(struct task *t, struct rollback *r);

#endif
