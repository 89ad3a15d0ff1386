#include "engine/engine.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock/clock.h"
#include "engine/engine_inside.h"
#include "log/log.h"

/* What a caller of engine_lend wants. */
struct wish {
    enum worker_kind kind;
    str owner;
    struct engine_reach reach;
};

void engine_wake(struct engine *engine)
{
    uint64_t one = 1;

    if (write(engine->wake_fd, &one, sizeof(one)) < 0)
        CHECK(errno == EAGAIN || errno == EINTR); /* it is awake already */
}

/* ---- slots, under the lock */

void engine_slot_own_locked(struct worker *w, str owner)
{
    free((char *)w->owner.ptr);
    char *copy = malloc(owner.len + 1);
    CHECK(copy != NULL);
    if (owner.len > 0)
        memcpy(copy, owner.ptr, owner.len);
    copy[owner.len] = '\0';
    w->owner = (str){copy, owner.len};
    w->has_owner = true;
}

static void slot_disown_locked(struct worker *w)
{
    free((char *)w->owner.ptr);
    w->owner = STR_NONE;
    w->has_owner = false;
}

void engine_slot_clear_locked(struct worker *w)
{
    slot_disown_locked(w);
    w->state = SLOT_FREE;
    w->is_promised = w->is_withdrawn = w->is_retired = false;
    w->lender = NULL;
    pthread_cond_broadcast(&w->engine->changed);
}

void engine_slot_end_locked(struct worker *w, int grace_ms)
{
    struct engine *engine = w->engine;

    w->state = SLOT_ENDING;
    pthread_mutex_unlock(&engine->lock);
    engine_worker_end(w, grace_ms);
    pthread_mutex_lock(&engine->lock);
    engine_slot_clear_locked(w);
    engine_wake(engine);
}

struct worker *engine_slot_free_locked(struct engine *engine)
{
    for (uint32_t i = 0; i < engine->slot_count; i++) {
        if (engine->slots[i].state == SLOT_FREE)
            return &engine->slots[i];
    }
    return NULL;
}

bool engine_is_at_rest(const struct worker *w)
{
    struct pollfd wait = {.fd = w->fd, .events = POLLIN};

    return w->wire.at == w->wire.in.len && poll(&wait, 1, 0) == 0;
}

/* Check and clearing workers run our own text only: whoever comes next may have them. */
static bool is_shared(enum worker_kind kind)
{
    return kind == WORKER_CHECK || kind == WORKER_CLEARING;
}

static bool fits(const struct worker *w, const struct wish *wish)
{
    if (w->state != SLOT_IDLE || w->is_promised || w->kind != wish->kind)
        return false;
    return is_shared(w->kind) || (w->has_owner && str_eq(w->owner, wish->owner));
}

/* The one used last, whose memory is warmest; for a consumer who has none, one that nobody has used
 * yet. */
static struct worker *find_idle_locked(struct engine *engine, const struct wish *wish)
{
    struct worker *best = NULL, *warm = NULL;

    for (uint32_t i = 0; i < engine->slot_count; i++) {
        struct worker *w = &engine->slots[i];
        if (fits(w, wish) && (best == NULL || w->idle_since_ms > best->idle_since_ms))
            best = w;
        if (w->state == SLOT_IDLE && w->kind == WORKER_CONSUMER && !w->has_owner && !w->is_promised)
            warm = w;
    }
    return best != NULL || wish->kind != WORKER_CONSUMER ? best : warm;
}

/* A warm one that starts just now will be ready sooner than one that we would start. */
static struct worker *find_warming_locked(struct engine *engine, const struct wish *wish)
{
    for (uint32_t i = 0; i < engine->slot_count; i++) {
        struct worker *w = &engine->slots[i];
        if (w->state == SLOT_STARTING && w->kind == wish->kind && !w->has_owner && !w->is_promised)
            return w;
    }
    return NULL;
}

static struct worker *find_longest_idle_locked(struct engine *engine)
{
    struct worker *oldest = NULL;

    for (uint32_t i = 0; i < engine->slot_count; i++) {
        struct worker *w = &engine->slots[i];
        if (w->state == SLOT_IDLE && !w->is_promised
            && (oldest == NULL || w->idle_since_ms < oldest->idle_since_ms))
            oldest = w;
    }
    return oldest;
}

/* ---- lending */

static void queue_join_locked(struct engine *engine, struct waiter *me)
{
    struct waiter **at = &engine->waiters;

    if (me->is_queued)
        return;
    while (*at != NULL)
        at = &(*at)->next;
    *at = me;
    me->next = NULL;
    me->is_queued = true;
}

static void queue_leave_locked(struct engine *engine, struct waiter *me)
{
    if (!me->is_queued)
        return;
    for (struct waiter **at = &engine->waiters; *at != NULL; at = &(*at)->next) {
        if (*at == me) {
            *at = me->next;
            break;
        }
    }
    me->is_queued = false;
    pthread_cond_broadcast(&engine->changed);
}

/* For a change, or a slice: a cancel or a deadline is nothing that the condition hears of. */
static void wait_locked(struct engine *engine)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ENGINE_SLICE_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_cond_timedwait(&engine->changed, &engine->lock, &until);
}

static bool start_locked(struct task *t, struct worker *w, const struct wish *wish)
{
    struct engine *engine = w->engine;

    w->state = SLOT_STARTING;
    w->kind = wish->kind;
    w->is_withdrawn = false;
    engine_slot_own_locked(w, wish->owner);
    pthread_mutex_unlock(&engine->lock);
    bool ok = engine_worker_start(t, w, wish->reach);
    pthread_mutex_lock(&engine->lock);
    if (ok)
        w->state = SLOT_LENT;
    else
        engine_slot_clear_locked(w);
    return ok;
}

/* Waits for a warm worker that somebody else starts. NULL when it came to nothing, which leaves all
 * other ways open. */
static struct worker *await_warming_locked(struct task *t, struct engine *engine,
                                           const struct wish *wish)
{
    struct worker *w = find_warming_locked(engine, wish);

    if (w == NULL)
        return NULL;
    w->is_promised = true;
    while (w->is_promised && w->state == SLOT_STARTING && !engine->is_closing && task_go_on(t))
        wait_locked(engine);
    if (!w->is_promised)
        return NULL; /* it did not start: the slot may be another's by now */
    w->is_promised = false;
    return w->state == SLOT_IDLE ? w : NULL;
}

/* An idle worker, or one that is started for this wish; NULL when that failed. */
static struct worker *lend_locked(struct task *t, struct engine *engine, const struct wish *wish)
{
    struct waiter me = {0};
    struct worker *w = NULL;

    while (w == NULL && task_go_on(t)) {
        if (engine->is_closing) {
            task_fail(t, ERR_CANCELLED, "the server stops");
            break;
        }
        if ((w = find_idle_locked(engine, wish)) != NULL
            || (w = await_warming_locked(t, engine, wish)) != NULL) {
            if (!engine_is_at_rest(w)) {
                log_event(LOG_WARN, "engine", t, "an idle worker ended: kind=%s pid=%d",
                          worker_kind_name(w->kind), (int)w->pid);
                engine_slot_end_locked(w, 0);
                w = NULL;
                continue;
            }
            engine_slot_own_locked(w, wish->owner);
            w->state = SLOT_LENT;
        } else if (engine->waiters != NULL && engine->waiters != &me) {
            queue_join_locked(engine, &me);
            wait_locked(engine);
        } else if ((w = engine_slot_free_locked(engine)) != NULL) {
            queue_leave_locked(engine, &me);
            if (!start_locked(t, w, wish)) {
                w = NULL;
                break;
            }
        } else if ((w = find_longest_idle_locked(engine)) != NULL) {
            engine_slot_end_locked(w, 0);
            w = NULL;
        } else {
            queue_join_locked(engine, &me);
            wait_locked(engine);
        }
    }
    queue_leave_locked(engine, &me);
    return w;
}

static void worker_give_back(void *handle);

bool engine_lend(struct task *t, struct engine *engine, enum worker_kind kind, str owner,
                 struct engine_reach reach, struct worker **out)
{
    struct wish wish = {kind, owner, reach};

    CHECK(engine->magic == ENGINE_MAGIC && kind < WORKER_KIND_COUNT);
    pthread_mutex_lock(&engine->lock);
    struct worker *w = lend_locked(t, engine, &wish);
    if (w != NULL)
        w->lender = t;
    pthread_mutex_unlock(&engine->lock);
    if (w == NULL) {
        if (t->err.code == ERR_TIMEOUT)
            task_hint(t, "all workers are busy or slow to start; see the setting workers_max");
        return false;
    }
    engine_wake(engine); /* a warm one may be missing now */
    arena_defer(t->mem, worker_give_back, w);
    *out = w;
    return true;
}

void engine_return(struct task *t, struct worker *worker)
{
    CHECK(worker->magic == WORKER_MAGIC);
    arena_close(t->mem, worker);
}

/* The end of a loan. What the worker was given is gone before anybody may have it again. */
static void worker_give_back(void *handle)
{
    struct worker *w = handle;
    struct engine *engine = w->engine;

    CHECK(w->magic == WORKER_MAGIC && engine->magic == ENGINE_MAGIC);
    bool is_used_up = w->kind == WORKER_EXTRACT || w->jobs >= engine->jobs_max
                   || clock_monotonic_ms() - w->begun_ms >= engine->age_ms;
    bool can_stay =
        !w->is_doomed && !is_used_up && engine_is_at_rest(w) && engine_folder_clear(w, true);
    engine_wire_rest(w);
    pthread_mutex_lock(&engine->lock);
    CHECK(w->state == SLOT_LENT);
    w->lender = NULL;
    if (!can_stay || w->is_withdrawn || w->is_retired || engine->is_closing) {
        engine_slot_end_locked(w, 0);
    } else {
        w->state = SLOT_IDLE;
        w->idle_since_ms = clock_monotonic_ms();
        if (is_shared(w->kind))
            slot_disown_locked(w);
        pthread_cond_broadcast(&engine->changed);
    }
    pthread_mutex_unlock(&engine->lock);
    engine_wake(engine);
}

/* ---- withdrawing, and what status wants to know */

/* True when this slot's worker is lent to him: it is killed, and he buries it. */
static bool withdraw_one_locked(struct worker *w, const struct task *lender, pid_t *pid_out)
{
    *pid_out = 0;
    if (w->state != SLOT_LENT || w->lender != lender)
        return false;
    w->is_withdrawn = true;
    *pid_out = w->pid;
    if (w->pid != 0)
        kill(w->pid, SIGKILL);
    return true;
}

void engine_withdraw(struct engine *engine, const struct task *lender)
{
    CHECK(engine->magic == ENGINE_MAGIC && lender != NULL);
    for (uint32_t i = 0; i < engine->slot_count; i++) {
        siginfo_t info;
        pid_t pid;
        pthread_mutex_lock(&engine->lock);
        engine->killed += withdraw_one_locked(&engine->slots[i], lender, &pid);
        pthread_mutex_unlock(&engine->lock);
        /* Who reports an erasure must know that no process has the file open any more. */
        while (pid != 0 && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0
               && errno == EINTR)
            ;
    }
}

void engine_retire(struct engine *engine, str owner)
{
    CHECK(engine->magic == ENGINE_MAGIC);
    pthread_mutex_lock(&engine->lock);
    for (uint32_t i = 0; i < engine->slot_count; i++) {
        struct worker *w = &engine->slots[i];
        if (!w->has_owner || !str_eq(w->owner, owner))
            continue;
        if (w->state == SLOT_IDLE)
            engine_slot_end_locked(w, 0);
        else if (w->state == SLOT_LENT)
            w->is_retired = true;
    }
    pthread_mutex_unlock(&engine->lock);
}

bool engine_is_worker(struct engine *engine, int64_t process_id)
{
    bool is_worker = false;

    CHECK(engine->magic == ENGINE_MAGIC);
    pthread_mutex_lock(&engine->lock);
    for (uint32_t i = 0; i < engine->slot_count && !is_worker; i++)
        is_worker = engine->slots[i].pid != 0 && engine->slots[i].pid == process_id;
    pthread_mutex_unlock(&engine->lock);
    return is_worker;
}

struct engine_state engine_state(struct engine *engine)
{
    struct engine_state state = {0};

    CHECK(engine->magic == ENGINE_MAGIC);
    pthread_mutex_lock(&engine->lock);
    for (uint32_t i = 0; i < engine->slot_count; i++) {
        state.workers += engine->slots[i].state != SLOT_FREE;
        state.lent += engine->slots[i].state == SLOT_LENT;
    }
    state.started = engine->started;
    state.killed = engine->killed;
    pthread_mutex_unlock(&engine->lock);
    return state;
}
