#include "mesh_state/mesh_state.h"

bool mesh_state_get(struct task *t, struct metadb *db, struct mesh_state *out)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT mesh_version, policy_version, image_version FROM mesh_state", ""))
        return false;
    bool has_row = metadb_next(t, st);
    if (has_row)
        *out = (struct mesh_state){.mesh_version = metadb_uint(st, 0),
                                   .policy_version = metadb_uint(st, 1),
                                   .image_version = metadb_uint(st, 2)};
    if (!metadb_end(t, st))
        return false;
    return has_row || task_fail(t, ERR_CORRUPT, "the catalog has lost its versions");
}

bool mesh_state_apply(struct task *t, struct metadb *db, uint64_t base, bool touches_policy,
                      struct mesh_state *out)
{
    CHECK(metadb_is_writer(db));
    struct mesh_state now;
    if (!mesh_state_get(t, db, &now))
        return false;
    if (now.mesh_version != base) {
        task_fail(t, ERR_CONFLICT, "the mesh is at version %llu and the plan was made for %llu",
                  (unsigned long long)now.mesh_version, (unsigned long long)base);
        return task_hint(t, "make a new plan");
    }
    now.mesh_version++;
    now.policy_version += touches_policy;
    now.image_version++;
    *out = now;
    return metadb_run(
        t, db, "UPDATE mesh_state SET mesh_version = ?, policy_version = ?, image_version = ?",
        "iii", now.mesh_version, now.policy_version, now.image_version);
}

bool mesh_state_touch(struct task *t, struct metadb *db, uint64_t *image_version_out)
{
    CHECK(metadb_is_writer(db));
    struct mesh_state now;
    if (!metadb_run(t, db, "UPDATE mesh_state SET image_version = image_version + 1", "")
        || !mesh_state_get(t, db, &now))
        return false;
    *image_version_out = now.image_version;
    return true;
}

bool mesh_state_touch_policy(struct task *t, struct metadb *db)
{
    CHECK(metadb_is_writer(db));
    return metadb_run(t, db,
                      "UPDATE mesh_state SET policy_version = policy_version + 1, image_version = "
                      "image_version + 1",
                      "");
}

bool mesh_state_follow_policy(struct task *t, struct metadb *db, uint64_t policy_version)
{
    CHECK(metadb_is_writer(db));
    return metadb_run(t, db,
                      "UPDATE mesh_state SET policy_version = ?, image_version = image_version + 1",
                      "i", policy_version);
}
