/* The three versions of the mesh, in one row. */
#ifndef WEFT_MESH_STATE_H
#define WEFT_MESH_STATE_H

#include "metadb/metadb.h"

struct mesh_state {
    uint64_t mesh_version; /* grows with every apply: the base of plans */
    uint64_t
        policy_version; /* grows with every apply that touches a policy, and every agreement that comes or goes */
    uint64_t image_version; /* grows with every apply and publish */
};

MUST_CHECK bool mesh_state_get(struct task *t, struct metadb *db, struct mesh_state *out);
/* In an applying transaction. ERR_CONFLICT when the mesh is no longer at `base`: the plan is stale.
 * */
MUST_CHECK bool mesh_state_apply(struct task *t, struct metadb *db, uint64_t base,
                                 bool touches_policy, struct mesh_state *out);
/* In any transaction that changes what the image shows: the new image version. */
MUST_CHECK bool mesh_state_touch(struct task *t, struct metadb *db, uint64_t *image_version_out);
/* In any transaction that changes who may read what, beside the files: decisions of the image before it are stale. */
MUST_CHECK bool mesh_state_touch_policy(struct task *t, struct metadb *db);
/* Of an environment: from here on decisions are those of this version of its mesh. */
MUST_CHECK bool mesh_state_follow_policy(struct task *t, struct metadb *db,
                                         uint64_t policy_version);

#endif
