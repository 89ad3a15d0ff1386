/* Who reads now, by which decisions; and what becomes of them when these no longer hold. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock/clock.h"
#include "gate_inside.h"
#include "image/image_decision.h"
#include "log/log.h"
#include "quarantine/quarantine.h"
#include "release/release.h"
#include "user/user.h"

/* Half a second at most from a change to the end of who read by it, also where nobody tells of the change: a clock that passes an
 * end date, or jumps. */
enum { LOOK_MS = 200, OWNERS_MAX = 1024, WHY_BYTES_MAX = 512, REST_MORE_MS = 2000 };

/* An owner of workers that may be idle: they remember footers, and pages of memory that nobody has cleared. */
struct gate_owner {
    char *key, *name;
    bool is_product;
    uint64_t user_version, mesh_version, policy_version;
    struct gate_term term; /* all decisions that its workers read by hold in between */
    int64_t rests_since_ms;
    struct gate_owner *next;
};

static char *keep_text(str text)
{
    char *copy = malloc(text.len + 1);
    CHECK(copy != NULL);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

static uint64_t policy_version_of(const struct image *image)
{
    return image->policies.version;
}

/* ---- who asks, as he is now */

bool gate_reader_now(struct task *t, struct gate *gate, const struct image *now,
                     const struct policy_actor *before, uint64_t *version_out, bool *is_there_out,
                     struct policy_actor *out)
{
    *out = *before;
    *version_out = 0;
    *is_there_out = true;
    if (before->is_product) {
        str domain, product;
        (void)str_cut(before->name, '.', &domain, &product);
        *is_there_out = image_find_product(now, domain, product) != NULL;
        return true;
    }
    struct user *user;
    if (!before->name.len) /* an operator: nothing is decided for him */
        return true;
    if (!user_find(t, gate->users, before->name, &user))
        return false;
    *is_there_out = user != NULL;
    if (user) {
        out->groups = user->groups;
        *version_out = user->version;
    }
    return user == NULL || user_attributes(t, user, &out->attributes);
}

/* ---- deciding anew */

/* The table as it is today; NULL when it is gone. */
static bool find_table(struct task *t, struct gate *gate, const struct image *now,
                       const struct clearance_table *table, const struct image_table **out)
{
    const struct model_product *definition = table->table->product->definition;
    const struct image_product *product =
        image_find_product(now, definition->domain->name, definition->name);
    *out = NULL;
    if (product && table->table->quarantine) {
        if (!quarantine_load(t, gate->db, product, table->is_candidate, &product))
            return false;
    } else if (product && table->is_candidate) {
        if (!release_load_candidate(t, gate->db, product, &product))
            return false;
    } else if (product && table->is_past
               && !release_load(t, gate->db, product, table->release, &product))
        return false;
    for (size_t i = 0; product && i < product->tables.len; i++)
        if (product->tables.at[i].id == table->table->id)
            *out = &product->tables.at[i];
    return true;
}

/* Of mesh.*: is all that it tells of still for this reader? What is gone from the mesh is no secret of anybody's. */
static bool discovery_holds(struct task *t, struct gate_live *live, const struct image *now,
                            const struct policy_actor *reader, uint64_t version, size_t at,
                            str *why_out)
{
    const struct clearance_table *table = &live->clearance->tables.at[at];
    struct gate_term term = {0};
    for (size_t i = 0; i < table->discovered.len; i++) {
        const struct model_product *definition = table->discovered.at[i]->definition;
        const struct image_product *product =
            image_find_product(now, definition->domain->name, definition->name);
        if (product && !gate_discovers(t, now, reader, version, product, &term)) {
            *why_out = STR("it tells of what you may no longer discover");
            return false;
        }
    }
    live->terms[at] = term;
    return true;
}

static bool table_holds(struct task *t, struct gate_live *live, const struct image *now,
                        const struct policy_actor *reader, uint64_t version, size_t at,
                        str *why_out)
{
    const struct clearance_table *table = &live->clearance->tables.at[at];
    struct gate_term *term = &live->terms[at];
    const struct image_table *today;
    if (!table->table)
        return discovery_holds(t, live, now, reader, version, at, why_out);
    if (!find_table(t, live->gate, now, table, &today)) {
        *why_out = STR("it could not be confirmed");
        log_failure("gate", t);
        task_clear_error(t);
        return false;
    }
    if (!today) {
        *why_out = STR("the table is no longer part of the mesh");
        return false;
    }
    const struct decision *decision = image_decide(t, now, reader, version, today);
    if (!gate_takes_nothing(t->mem, &table->decision, decision, why_out))
        return false;
    *term = (struct gate_term){decision->from_us, decision->until_us};
    return true;
}

static bool term_holds(const struct gate_term *term, int64_t now_us)
{
    struct decision decision = {.from_us = term->from_us, .until_us = term->until_us};
    return policy_still_holds(&decision, now_us);
}

static bool all_terms_hold(const struct gate_live *live)
{
    int64_t now_us = clock_now_us();
    for (size_t i = 0; i < live->clearance->tables.len; i++)
        if (!term_holds(&live->terms[i], now_us))
            return false;
    return true;
}

/* It comes and goes without a new image. */
static bool reads_candidate(const struct gate_live *live)
{
    for (size_t i = 0; i < live->clearance->tables.len; i++)
        if (live->clearance->tables.at[i].is_candidate)
            return true;
    return false;
}

static str name_of(struct arena *mem, const struct clearance_table *table)
{
    if (!table->table)
        return arena_format(mem, STR_FMT "." STR_FMT, STR_ARG(table->schema), STR_ARG(table->name));
    return image_table_address(mem, table->table);
}

/* Under the lock. False: what it reads by is no longer decided so, and why. */
static bool still_holds(struct task *t, struct gate_live *live, const struct image *now,
                        str *table_out, str *why_out)
{
    struct policy_actor reader;
    uint64_t version;
    bool is_there;
    *table_out = STR_NONE;
    for (size_t i = 0; i < live->clearance->tables.len; i++)
        live->is_left |= !gate_holds_of(live->gate, &live->clearance->tables.at[i], &live->reader);
    if (live->is_left || gate_is_left(live->gate)) {
        live->is_left = true;
        *why_out = STR("the mesh was changed, and the environment follows it");
        return false;
    }
    if (!gate_reader_now(t, live->gate, now, &live->reader, &version, &is_there, &reader)) {
        log_failure("gate", t);
        task_clear_error(t);
        *why_out = STR("it could not be confirmed");
        return false;
    }
    if (!is_there) {
        *why_out = arena_format(t->mem, STR_FMT " is no longer part of the mesh",
                                STR_ARG(live->reader.name));
        return false;
    }
    if (now->version == live->image_version && version == live->user_version && all_terms_hold(live)
        && !reads_candidate(live))
        return true;
    for (size_t i = 0; i < live->clearance->tables.len; i++)
        if (!table_holds(t, live, now, &reader, version, i, why_out)) {
            *table_out = name_of(t->mem, &live->clearance->tables.at[i]);
            return false;
        }
    live->image_version = now->version;
    live->user_version = version;
    return true;
}

static void withdraw(struct task *t, struct gate_live *live, str table, str why)
{
    str reason =
        table.len ? arena_format(t->mem, STR_FMT ": " STR_FMT, STR_ARG(table), STR_ARG(why)) : why;
    live->withdrawn = keep_text(str_sub(reason, 0, WHY_BYTES_MAX));
    log_event(LOG_INFO, "gate", live->task, "access was withdrawn: reader=" STR_FMT " task=%s",
              STR_ARG(live->owner), live->task->id);
    /* It goes on nowhere: neither in a worker, nor in what comes after. */
    task_cancel(live->task);
    engine_withdraw(live->gate->engine, live->task);
}

static void look_at(struct task *t, struct gate_live *live, const struct image *now)
{
    struct arena_mark mark = arena_mark(t->mem);
    str table, why;
    if (!live->withdrawn && !atomic_load(&live->is_stale)
        && !still_holds(t, live, now, &table, &why)) {
        /* One that nothing was given to yet is decided anew; the refusal, if it is one, is then the usual one. */
        if (live->is_reading)
            withdraw(t, live, table, why);
        else
            atomic_store(&live->is_stale, true);
    }
    arena_rewind(t->mem, mark);
}

/* ---- owners of idle workers */

static void free_owner(struct gate_owner *owner)
{
    free(owner->key);
    free(owner->name);
    free(owner);
}

static bool owner_holds(struct task *t, struct gate *gate, const struct image *now,
                        const struct gate_owner *owner)
{
    struct policy_actor reader = {.name = str_of(owner->name), .is_product = owner->is_product};
    struct policy_actor as_is;
    uint64_t version;
    bool is_there;
    if (gate_holds(gate) != GATE_ALL_HOLDS || owner->mesh_version != now->mesh_version
        || owner->policy_version != policy_version_of(now)
        || !term_holds(&owner->term, clock_now_us()))
        return false;
    if (!gate_reader_now(t, gate, now, &reader, &version, &is_there, &as_is)) {
        task_clear_error(t);
        return false;
    }
    return is_there && version == owner->user_version;
}

static void look_at_owners(struct task *t, struct gate *gate, const struct image *now)
{
    int64_t now_ms = clock_monotonic_ms();
    for (struct gate_owner **at = &gate->owners; *at;) {
        struct gate_owner *owner = *at;
        struct arena_mark mark = arena_mark(t->mem);
        bool holds = owner_holds(t, gate, now, owner);
        arena_rewind(t->mem, mark);
        /* Workers that were idle so long have ended by themselves. */
        bool is_over = now_ms - owner->rests_since_ms > gate->worker_idle_ms + REST_MORE_MS;
        if (!holds)
            engine_retire(gate->engine, str_of(owner->key));
        if (holds && !is_over) {
            at = &owner->next;
            continue;
        }
        *at = owner->next;
        free_owner(owner);
    }
}

void gate_term_narrow(struct gate_term *term, const struct gate_term *by)
{
    if (by->from_us > term->from_us)
        term->from_us = by->from_us;
    if (by->until_us && (!term->until_us || by->until_us < term->until_us))
        term->until_us = by->until_us;
}

static struct gate_owner *find_owner(struct gate *gate, str key)
{
    size_t count = 0;
    for (struct gate_owner *owner = gate->owners; owner; owner = owner->next, count++)
        if (str_eq(str_of(owner->key), key))
            return owner;
    struct gate_owner *owner = calloc(1, sizeof *owner);
    CHECK(owner != NULL);
    owner->key = keep_text(key);
    owner->next = gate->owners;
    gate->owners = owner;
    /* The last of a list that is too long is the one that has rested longest, about. */
    for (struct gate_owner **at = &owner->next; count >= OWNERS_MAX && *at; at = &(*at)->next)
        if (!(*at)->next) {
            engine_retire(gate->engine, str_of((*at)->key));
            free_owner(*at);
            *at = NULL;
            break;
        }
    return owner;
}

/* The task has ended, its worker may rest from here on. */
static void remember_owner(struct gate_live *live)
{
    struct gate_owner *owner = find_owner(live->gate, live->owner);
    bool is_new = owner->name == NULL;
    if (live->withdrawn)
        engine_retire(live->gate->engine, live->owner);
    /* Older versions stay, so that the next look ends what was read by them. */
    if (is_new) {
        owner->name = keep_text(live->reader.name);
        owner->is_product = live->reader.is_product;
        owner->user_version = live->user_version;
        owner->mesh_version = live->clearance->image->mesh_version;
        owner->policy_version = live->clearance->policy_version;
    }
    for (size_t i = 0; i < live->clearance->tables.len; i++)
        gate_term_narrow(&owner->term, &live->terms[i]);
    owner->rests_since_ms = clock_monotonic_ms();
}

/* ---- begin and end */

static void end_live(void *handle)
{
    struct gate_live *live = handle;
    struct gate *gate = live->gate;
    pthread_mutex_lock(&gate->live_lock);
    for (struct gate_live **at = &gate->lives; *at; at = &(*at)->next)
        if (*at == live) {
            *at = live->next;
            break;
        }
    if (live->is_reading)
        remember_owner(live);
    pthread_cond_signal(&gate->live_changed);
    pthread_mutex_unlock(&gate->live_lock);
    free(live->withdrawn);
    live->withdrawn = NULL;
}

struct gate_live *gate_live_begin(struct task *t, struct gate *gate,
                                  const struct clearance *clearance,
                                  const struct policy_actor *reader, uint64_t user_version,
                                  str owner)
{
    struct gate_live *live = ARENA_NEW(t->mem, struct gate_live);
    *live = (struct gate_live){.gate = gate,
                               .task = t,
                               .clearance = clearance,
                               .reader = *reader,
                               .user_version = user_version,
                               .image_version = clearance->image->version,
                               .owner = owner};
    live->terms = ARENA_ARRAY(t->mem, struct gate_term, clearance->tables.len + 1);
    for (size_t i = 0; i < clearance->tables.len; i++)
        live->terms[i] = (struct gate_term){clearance->tables.at[i].decision.from_us,
                                            clearance->tables.at[i].decision.until_us};
    pthread_mutex_lock(&gate->live_lock);
    live->next = gate->lives;
    gate->lives = live;
    pthread_cond_signal(&gate->live_changed);
    pthread_mutex_unlock(&gate->live_lock);
    arena_defer(t->mem, end_live, live);
    return live;
}

bool gate_live_read(struct task *t, struct gate_live *live)
{
    struct gate *gate = live->gate;
    const struct image *now = image_pin(t, gate->images);
    pthread_mutex_lock(&gate->live_lock);
    look_at(t, live, now);
    live->is_reading = !atomic_load(&live->is_stale);
    pthread_mutex_unlock(&gate->live_lock);
    return live->is_reading;
}

void gate_live_end(struct task *t, struct gate_live *live)
{
    arena_close(t->mem, live);
}

bool gate_withdrawn(struct task *t, struct gate *gate)
{
    str why = STR_NONE;
    bool is_product = false, is_left = false;
    CHECK(gate->magic == GATE_MAGIC);
    pthread_mutex_lock(&gate->live_lock);
    for (struct gate_live *live = gate->lives; live && !why.len; live = live->next)
        if (live->task == t && live->withdrawn) {
            why = arena_str(t->mem, str_of(live->withdrawn));
            is_product = live->reader.is_product;
            is_left = live->is_left;
        }
    pthread_mutex_unlock(&gate->live_lock);
    /* Whoever works in an environment ends with it, also where nothing is read just now. */
    if (is_left || (gate_is_left(gate) && (why.len || atomic_load(&t->cancelled)))) {
        atomic_store(&t->cancelled, false);
        (void)gate_fail_left(t, gate);
        return true;
    }
    if (!why.len)
        return false;
    /* It was our cancel; whoever tells of the end is to tell this. */
    atomic_store(&t->cancelled, false);
    task_fail(t, ERR_DENIED, "access was withdrawn while the %s ran: " STR_FMT,
              is_product ? "build" : "query", STR_ARG(why));
    task_hint(t, "weft explain shows what is granted now");
    return true;
}

/* ---- looking */

void gate_recheck(struct gate *gate)
{
    CHECK(gate->magic == GATE_MAGIC);
    struct task *t = task_new();
    (void)gate_follows(gate, true);
    const struct image *now = image_pin(t, gate->images);
    pthread_mutex_lock(&gate->live_lock);
    for (struct gate_live *live = gate->lives; live; live = live->next)
        look_at(t, live, now);
    look_at_owners(t, gate, now);
    pthread_mutex_unlock(&gate->live_lock);
    gate_mesh_tidy(t, gate, now);
    task_free(t);
}

bool gate_still_holds(struct task *t, struct gate *gate)
{
    CHECK(gate->magic == GATE_MAGIC);
    /* Its caller is a write perhaps. */
    if (!gate_follows(gate, false))
        return gate_fail_left(t, gate);
    const struct image *now = image_pin(t, gate->images);
    pthread_mutex_lock(&gate->live_lock);
    for (struct gate_live *live = gate->lives; live; live = live->next)
        if (live->task == t)
            look_at(t, live, now);
    pthread_mutex_unlock(&gate->live_lock);
    return task_go_on(t);
}

static void *watch(void *handle)
{
    struct gate *gate = handle;
    pthread_mutex_lock(&gate->live_lock);
    while (!gate->is_watch_over) {
        struct timespec until;
        if (!gate->lives && !gate->owners) {
            pthread_cond_wait(&gate->live_changed, &gate->live_lock);
            continue;
        }
        int64_t next_ms = clock_monotonic_ms() + LOOK_MS;
        until.tv_sec = next_ms / 1000;
        until.tv_nsec = next_ms % 1000 * 1000000L;
        while (!gate->is_watch_over && clock_monotonic_ms() < next_ms)
            pthread_cond_timedwait(&gate->live_changed, &gate->live_lock, &until);
        if (gate->is_watch_over)
            break;
        pthread_mutex_unlock(&gate->live_lock);
        gate_recheck(gate);
        pthread_mutex_lock(&gate->live_lock);
    }
    pthread_mutex_unlock(&gate->live_lock);
    return NULL;
}

bool gate_watch_begin(struct task *t, struct gate *gate)
{
    if (pthread_create(&gate->watcher, NULL, watch, gate) != 0)
        return task_fail(t, ERR_CONFIG, "cannot start a thread");
    gate->has_watcher = true;
    return true;
}

void gate_watch_end(struct gate *gate)
{
    pthread_mutex_lock(&gate->live_lock);
    gate->is_watch_over = true;
    pthread_cond_broadcast(&gate->live_changed);
    pthread_mutex_unlock(&gate->live_lock);
    if (gate->has_watcher)
        pthread_join(gate->watcher, NULL);
    CHECK(gate->lives == NULL);
    while (gate->owners) {
        struct gate_owner *owner = gate->owners;
        /* Nobody else would end what it remembers: the workers go on. */
        if (gate->root != gate)
            engine_retire(gate->engine, str_of(owner->key));
        gate->owners = owner->next;
        free_owner(owner);
    }
}
