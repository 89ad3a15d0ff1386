#ifndef WEFT_ROLLBACK_INSIDE_H
#define WEFT_ROLLBACK_INSIDE_H

#include "rollback/rollback.h"

/* The candidate itself: whether it follows the current release, and its product sees what it saw. */
MUST_CHECK bool rollback_find_candidate(struct task *t, struct rollback *r);
/* In the transaction that publishes it. */
MUST_CHECK bool rollback_settle_candidate(struct task *t, struct metadb *db, struct rollback *r);
/* Whether what today's contract promises, and today's labels guard, is what the release holds. */
MUST_CHECK bool rollback_fits(struct task *t, struct rollback *r);
MUST_CHECK bool rollback_demand(struct task *t, struct rollback *r);
MUST_CHECK bool rollback_load(struct task *t, struct rollback *r);
MUST_CHECK bool rollback_require(struct task *t, struct rollback *r);
MUST_CHECK bool rollback_entitle(struct task *t, struct rollback *r);
MUST_CHECK bool rollback_describe(struct task *t, struct rollback *r);
/* The same as gate_seen gave when the release was made, or it shows more, or less, than its product may see now. */
str rollback_seen_now(struct task *t, const struct rollback *r);
/* Part of the transaction that publishes. */
MUST_CHECK bool rollback_write_entitled(struct task *t, struct metadb *db, struct rollback *r);

#endif
