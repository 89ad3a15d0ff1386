/* The gate of an environment: names and decisions of its own catalog, policies and users of the mesh, and one set of copies for both. */
#include "gate_inside.h"

bool gate_open_beside(struct task *t, const struct gate_leader *leader, struct metadb *db,
                      struct images *images, struct gate **out)
{
    struct gate *root = leader->gate->root, *gate = gate_new();
    CHECK(root->magic == GATE_MAGIC && leader->follow != NULL);
    gate->root = root;
    gate->leader = *leader;
    gate->users = leader->users;
    gate->db = db;
    gate->images = images;
    gate->store = root->store;
    gate->engine = root->engine;
    gate->cache = root->cache;
    gate->hash_key_id = root->hash_key_id;
    gate->hot_ms = root->hot_ms;
    gate->hot_bytes_max = root->hot_bytes_max;
    gate->worker_idle_ms = root->worker_idle_ms;
    /* Rows of mesh.* travel: files of them are named by the versions of one image. */
    gate->mesh_file_bytes = 0;
    if (!gate_watch_begin(t, gate)) {
        gate_close(gate);
        return false;
    }
    *out = gate;
    return true;
}

bool gate_follows(struct gate *gate, bool may_write)
{
    if (gate->leader.gate == NULL)
        return true;
    if (atomic_load(&gate->is_left))
        return false;
    if (gate->leader.follow(gate->leader.state, may_write))
        return true;
    /* What was only looked at may be brought up yet. */
    if (may_write)
        atomic_store(&gate->is_left, true);
    return false;
}

bool gate_is_left(const struct gate *gate)
{
    return atomic_load(&gate->is_left);
}

bool gate_fail_left(struct task *t)
{
    task_fail(t, ERR_CONFLICT, "the mesh was changed meanwhile, and the environment follows it");
    return task_hint(t, "try it again");
}
