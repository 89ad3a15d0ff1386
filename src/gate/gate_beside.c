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

/* Bits of `following` that say what holds. */
enum { HOLDS_BITS = 2 };

static enum gate_holds holds_of(unsigned long long following)
{
    return (enum gate_holds)(following & ((1ULL << HOLDS_BITS) - 1));
}

enum gate_holds gate_holds(const struct gate *gate)
{
    return holds_of(atomic_load(&gate->following));
}

/* Less and less, until it has followed: whoever looked at the mesh earlier, and says so later, takes nothing back. */
bool gate_follows(struct gate *gate, bool may_write)
{
    if (gate->leader.gate == NULL)
        return true;
    unsigned long long before = atomic_load(&gate->following), now = before;
    if (holds_of(before) == GATE_NONE_HOLDS)
        return false;
    enum gate_holds holds = gate->leader.follow(gate->leader.state, may_write);
    /* What was only looked at may be brought up yet. */
    if (holds == GATE_NONE_HOLDS && !may_write)
        return false;
    while (now >> HOLDS_BITS == before >> HOLDS_BITS && holds_of(now) < holds
           && !atomic_compare_exchange_weak(&gate->following, &now,
                                            before >> HOLDS_BITS << HOLDS_BITS | holds)) {
    }
    return !gate_is_left(gate);
}

bool gate_is_left(const struct gate *gate)
{
    return gate_holds(gate) == GATE_NONE_HOLDS;
}

void gate_leave(struct gate *gate, enum gate_end why)
{
    if (why == GATE_DROPPED)
        atomic_store(&gate->is_dropped, true);
    (void)atomic_fetch_or(&gate->following, GATE_NONE_HOLDS);
}

void gate_has_followed(struct gate *gate)
{
    unsigned long long before = atomic_load(&gate->following);
    while (holds_of(before) != GATE_NONE_HOLDS
           && !atomic_compare_exchange_weak(&gate->following, &before,
                                            ((before >> HOLDS_BITS) + 1) << HOLDS_BITS)) {
    }
    gate_recheck(gate);
}

bool gate_holds_of(const struct gate *gate, const struct clearance_table *table,
                   const struct policy_actor *reader)
{
    const struct gate_leader *leader = &gate->leader;
    if (gate_holds(gate) == GATE_ALL_HOLDS)
        return true;
    /* mesh.* tells of all. */
    return !gate_is_left(gate) && (table->table != NULL || reader->is_product)
        && (table->table == NULL
            || leader->holds(leader->state, table->table->product->address, false))
        && (!reader->is_product || leader->holds(leader->state, reader->name, true));
}

bool gate_fail_left(struct task *t, const struct gate *gate)
{
    if (atomic_load(&gate->is_dropped))
        return task_fail(t, ERR_CONFLICT, "the environment was dropped meanwhile");
    task_fail(t, ERR_CONFLICT, "the mesh was changed meanwhile, and the environment follows it");
    return task_hint(t, "try it again");
}
