/* Entitlements: who is entitled to which values, as published tables say that filters name. Written in the transaction of the release
 * that holds them, or of the apply that names them first; read into the image, so that a decision asks nothing else. */
#ifndef WEFT_ENTITLEMENT_H
#define WEFT_ENTITLEMENT_H

#include "metadb/metadb.h"
#include "policy/policy.h"

/* In a writer's transaction: the rows of one set as of its `version`, in place of those before. */
MUST_CHECK bool entitlement_replace(struct task *t, struct metadb *db,
                                    const struct policy_entitlement *set);
/* In a writer's transaction: sets that these policies do not name go. */
MUST_CHECK bool entitlement_keep_only(struct task *t, struct metadb *db,
                                      const struct policies *policies);
/* The release whose rows are kept; 0 when there are none. */
MUST_CHECK bool entitlement_version(struct task *t, struct metadb *db,
                                    const struct policy_entitlement *set, uint64_t *out);
/* Rows and versions of all sets that the policies name, into `mem`. */
MUST_CHECK bool entitlement_fill(struct task *t, struct arena *mem, struct metadb *db,
                                 struct policies *policies);

#endif
