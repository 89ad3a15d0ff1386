#include "image/image_decision.h"

#include <pthread.h>
#include <stdlib.h>

#include "clock/clock.h"
#include "image/image_inside.h"
#include "map/map.h"

enum {
    SHARDS = 16,
    SLOTS_FIRST = 64, /* a power of two, as all that follow */
    SHARD_BYTES_MAX = 16 << 20,
};

/* An actor with a purpose, and a table of this image. */
struct kept {
    uint64_t hash;
    const struct policy_actor *actor;
    uint64_t actor_version;
    const struct image_table *table;
    const struct decision *decision;
};

/* Actors hash to shards, so that threads of different actors do not meet. */
struct shard {
    pthread_rwlock_t lock;
    struct arena *mem;
    struct kept *slots; /* open addressing; a slot without a decision is free */
    size_t len, cap;
};

struct image_decisions {
    struct shard shards[SHARDS];
    pthread_mutex_t lock; /* of what follows; taken after a shard's */
    struct arena *mem;
    struct map rules; /* of tables of this image, by their pointers */
};

struct image_decisions *image_decisions_new(void)
{
    struct image_decisions *decisions = calloc(1, sizeof *decisions);
    CHECK(decisions != NULL);
    for (size_t i = 0; i < SHARDS; i++)
        CHECK(pthread_rwlock_init(&decisions->shards[i].lock, NULL) == 0);
    CHECK(pthread_mutex_init(&decisions->lock, NULL) == 0);
    decisions->mem = arena_new();
    map_init(&decisions->rules, decisions->mem);
    return decisions;
}

void image_decisions_free(struct image_decisions *decisions)
{
    for (size_t i = 0; decisions != NULL && i < SHARDS; i++) {
        arena_free(decisions->shards[i].mem);
        free(decisions->shards[i].slots);
        pthread_rwlock_destroy(&decisions->shards[i].lock);
    }
    if (decisions != NULL) {
        pthread_mutex_destroy(&decisions->lock);
        arena_free(decisions->mem);
    }
    free(decisions);
}

static uint64_t hash_of(const struct policy_actor *actor, uint64_t version)
{
    uint64_t hash = str_hash(actor->name) * 31 + str_hash(actor->purpose);
    return hash * 31 + version * 2 + actor->is_product;
}

static uint64_t hash_with(uint64_t actor_hash, const struct image_table *table)
{
    uint64_t hash = (actor_hash ^ (uint64_t)(uintptr_t)table) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static bool is_same(const struct kept *kept, const struct kept *wanted)
{
    return kept->hash == wanted->hash && kept->table == wanted->table
        && kept->actor_version == wanted->actor_version
        && kept->actor->is_product == wanted->actor->is_product
        && str_eq(kept->actor->digest, wanted->actor->digest)
        && str_eq(kept->actor->name, wanted->actor->name)
        && str_eq(kept->actor->purpose, wanted->actor->purpose);
}

/* The slot of the wanted one, or the free one where it would stand. */
static struct kept *find(const struct shard *shard, const struct kept *wanted)
{
    size_t at = wanted->hash & (shard->cap - 1);
    while (shard->slots[at].decision != NULL && !is_same(&shard->slots[at], wanted))
        at = (at + 1) & (shard->cap - 1);
    return &shard->slots[at];
}

static void grow(struct shard *shard)
{
    struct shard before = *shard;
    if (shard->cap > 0 && shard->len * 2 < shard->cap)
        return;
    shard->cap = shard->cap ? shard->cap * 2 : SLOTS_FIRST;
    shard->slots = calloc(shard->cap, sizeof *shard->slots);
    CHECK(shard->slots != NULL);
    for (size_t i = 0; i < before.cap; i++)
        if (before.slots[i].decision != NULL)
            *find(shard, &before.slots[i]) = before.slots[i];
    free(before.slots);
}

static const struct policy_actor *copy_actor(struct arena *mem, const struct policy_actor *actor)
{
    struct policy_actor *copy = ARENA_NEW(mem, struct policy_actor);
    copy->name = arena_str(mem, actor->name);
    copy->is_product = actor->is_product;
    copy->digest = arena_str(mem, actor->digest);
    copy->purpose = arena_str(mem, actor->purpose);
    copy->attributes = actor->attributes ? tree_copy(mem, actor->attributes) : NULL;
    for (size_t i = 0; i < actor->groups.len; i++)
        vec_push(mem, &copy->groups, arena_str(mem, actor->groups.at[i]));
    return copy;
}

static struct policy_rules *make_rules(struct arena *mem, const struct image *image,
                                       const struct image_table *table)
{
    struct policy_table *as_seen = ARENA_NEW(mem, struct policy_table);
    image_policy_table(mem, table, as_seen);
    return policy_rules(mem, &image->policies, as_seen);
}

const struct policy_rules *image_rules(const struct image *image, const struct image_table *table)
{
    struct image_decisions *decisions = image_decisions_of(image);
    str key = {.ptr = (const char *)&table, .len = sizeof(table)};
    pthread_mutex_lock(&decisions->lock);
    struct policy_rules *rules = map_find(&decisions->rules, key);
    if (rules == NULL) {
        rules = make_rules(decisions->mem, image, table);
        map_put(&decisions->rules, arena_str(decisions->mem, key), rules);
    }
    pthread_mutex_unlock(&decisions->lock);
    return rules;
}

static const struct decision *decide(struct arena *mem, const struct policy_rules *rules,
                                     const struct policy_actor *actor, int64_t now_us)
{
    struct decision *decision = ARENA_NEW(mem, struct decision);
    policy_decide_by(mem, rules, actor, now_us, decision);
    return decision;
}

/* Under the lock for writing: another thread may have been quicker. */
static const struct decision *keep(struct shard *shard, const struct image *image,
                                   struct kept *wanted, int64_t now_us)
{
    if (shard->mem == NULL)
        shard->mem = arena_new();
    grow(shard);
    struct kept *slot = find(shard, wanted);
    if (slot->decision != NULL && policy_still_holds(slot->decision, now_us))
        return slot->decision;
    if (arena_bytes(shard->mem) >= SHARD_BYTES_MAX)
        return NULL;
    /* Its texts go into the decision, which outlives whoever asks. */
    wanted->actor = copy_actor(shard->mem, wanted->actor);
    wanted->decision = decide(shard->mem, image_rules(image, wanted->table), wanted->actor, now_us);
    shard->len += slot->decision == NULL;
    *slot = *wanted;
    return wanted->decision;
}

/* Is it one of the image's own, and no past release's, which dies with its task? */
static bool is_of_image(const struct image *image, const struct image_table *table)
{
    const struct image_product *product = image_find_product(
        image, table->product->definition->domain->name, table->product->definition->name);
    return product == table->product;
}

static bool shows_all(const struct decision *decision, uint32_t id)
{
    for (size_t i = 0; i < decision->columns.len; i++)
        if (decision->columns.at[i].id == id)
            return !policy_is_masked(&decision->columns.at[i]);
    return false;
}

/* Which rule a row breaks tells of its values: to those who see them. */
static void hide_why(struct decision *decision, const struct image_quarantine *quarantine)
{
    bool shows = true;
    for (size_t i = 0; i < quarantine->rule_columns.len; i++)
        shows = shows && shows_all(decision, quarantine->rule_columns.at[i]);
    for (size_t i = 0; !shows && i < decision->columns.len; i++)
        if (decision->columns.at[i].id == quarantine->why[0]
            || decision->columns.at[i].id == quarantine->why[1])
            decision->columns.at[i].mask = (struct policy_mask){.method = MASK_NULL};
}

static const struct image_table *table_of(const struct image_product *product, uint64_t id)
{
    for (size_t i = 0; product != NULL && i < product->tables.len; i++)
        if (product->tables.at[i].id == id)
            return &product->tables.at[i];
    return NULL;
}

static void hide_column(struct decision *decision, uint32_t id)
{
    for (size_t i = 0; i < decision->columns.len; i++)
        if (decision->columns.at[i].id == id)
            decision->columns.at[i].mask = (struct policy_mask){.method = MASK_NULL};
}

/* The term of what it hangs on is its own too. */
static void narrow(struct decision *decision, const struct decision *other)
{
    if (other->from_us > decision->from_us)
        decision->from_us = other->from_us;
    if (other->until_us != 0 && (decision->until_us == 0 || other->until_us < decision->until_us))
        decision->until_us = other->until_us;
}

/* Policies speak of what the product makes, by its names, columns and rows. So rows of a source are for those who see all rows of all
 * tables that it makes, and a column of them for those who plainly see what came from it. */
static void hide_source(struct task *t, const struct image *image, const struct policy_actor *actor,
                        uint64_t actor_version, const struct image_table *source,
                        struct decision *decision)
{
    const struct model_product *definition = source->product->definition;
    const struct image_product *product =
        image_find_product(image, definition->domain->name, definition->name);
    for (size_t i = 0; product != NULL && i < product->tables.len; i++) {
        const struct image_table *table = &product->tables.at[i];
        const struct decision *made = image_decide(t, image, actor, actor_version, table);
        narrow(decision, made);
        if (made->allowed && made->filters.len == 0)
            continue;
        decision->allowed = false;
        decision->columns.len = decision->filters.len = 0;
        vec_push(t->mem, &decision->reasons,
                 ((struct decision_reason){
                     .policy = STR("default"),
                     .effect = STR("deny"),
                     .text = arena_format(
                         t->mem, "rows of a source are for those who see all rows of " STR_FMT,
                         STR_ARG(image_table_address(t->mem, table)))}));
    }
    for (size_t i = 0; i < source->quarantine->flows.len; i++) {
        const struct image_flow *flow = &source->quarantine->flows.at[i];
        const struct image_table *table = table_of(product, flow->output_table_id);
        if (table == NULL
            || !shows_all(image_decide(t, image, actor, actor_version, table),
                          flow->output_column_id))
            hide_column(decision, flow->column_id);
    }
}

/* Diverted rows are for owners, as far as policies show them the table; no grant opens them. */
static const struct decision *decide_diverted(struct task *t, const struct image *image,
                                              const struct policy_actor *actor,
                                              uint64_t actor_version,
                                              const struct image_table *table, int64_t now_us)
{
    const struct model_domain *domain = table->product->definition->domain;
    struct decision *decision = ARENA_NEW(t->mem, struct decision);
    if (!actor->is_product && actor->name.len
        && model_names_actor(&domain->owners, actor->name, &actor->groups)) {
        policy_decide_by(t->mem, make_rules(t->mem, image, table), actor, now_us, decision);
        if (table->quarantine->is_input)
            hide_source(t, image, actor, actor_version, table, decision);
        hide_why(decision, table->quarantine);
        return decision;
    }
    decision->policy_version = image->policies.version;
    vec_push(
        t->mem, &decision->reasons,
        ((struct decision_reason){
            .policy = STR("default"),
            .effect = STR("deny"),
            .text = arena_format(t->mem, "quarantined rows are for the owners of domain " STR_FMT,
                                 STR_ARG(domain->name))}));
    return decision;
}

const struct decision *image_decide(struct task *t, const struct image *image,
                                    const struct policy_actor *actor, uint64_t actor_version,
                                    const struct image_table *table)
{
    int64_t now_us = clock_now_us();
    if (table->quarantine != NULL)
        return decide_diverted(t, image, actor, actor_version, table, now_us);
    uint64_t actor_hash = hash_of(actor, actor_version);
    struct kept wanted = {.hash = hash_with(actor_hash, table),
                          .actor = actor,
                          .actor_version = actor_version,
                          .table = table};
    struct shard *shard = &image_decisions_of(image)->shards[actor_hash % SHARDS];
    const struct decision *found = NULL;
    pthread_rwlock_rdlock(&shard->lock);
    if (shard->cap > 0)
        found = find(shard, &wanted)->decision;
    pthread_rwlock_unlock(&shard->lock);
    if (found != NULL && policy_still_holds(found, now_us))
        return found;
    if (!is_of_image(image, table))
        return decide(t->mem, make_rules(t->mem, image, table), actor, now_us);
    pthread_rwlock_wrlock(&shard->lock);
    found = keep(shard, image, &wanted, now_us);
    pthread_rwlock_unlock(&shard->lock);
    return found != NULL ? found : decide(t->mem, image_rules(image, table), actor, now_us);
}
