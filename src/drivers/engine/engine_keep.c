#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock/clock.h"
#include "engine/engine_inside.h"
#include "log/log.h"

enum { NEVER_MS = -1 };

/* Started before anybody asks, and not used yet: it stays. */
static bool is_warm(const struct worker *w)
{
    return !w->has_owner
        && (w->kind == WORKER_CONSUMER || (w->kind == WORKER_CLEARING && w->jobs == 0));
}

/* An idle worker that has run out of time, or that has died. NULL: none. */
static struct worker *find_over_locked(struct engine *engine, int64_t now_ms)
{
    for (uint32_t i = 0; i < engine->slot_count; i++) {
        struct worker *w = &engine->slots[i];
        if (w->state != SLOT_IDLE || w->is_promised)
            continue;
        if (!engine_is_at_rest(w) || (!is_warm(w) && now_ms - w->idle_since_ms >= engine->idle_ms))
            return w;
    }
    return NULL;
}

static void end_idle_locked(struct engine *engine)
{
    struct worker *w;

    while (!engine->is_closing && (w = find_over_locked(engine, clock_monotonic_ms())) != NULL) {
        bool is_alive = engine_is_at_rest(w);
        if (!is_alive)
            log_event(LOG_WARN, "engine", NULL, "an idle worker ended: kind=%s pid=%d",
                      worker_kind_name(w->kind), (int)w->pid);
        engine_slot_end_locked(w, is_alive ? ENGINE_QUIT_MS : 0);
    }
}

/* Consumers that the next who asks can have at once. */
static uint32_t count_consumers_locked(const struct engine *engine)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < engine->slot_count; i++) {
        const struct worker *w = &engine->slots[i];
        count += (w->state == SLOT_IDLE || w->state == SLOT_STARTING) && w->kind == WORKER_CONSUMER
              && !w->has_owner && !w->is_promised;
    }
    return count;
}

/* One that is lent comes back: to start another meanwhile would take the time of what it does. */
static bool has_clearing_locked(const struct engine *engine)
{
    for (uint32_t i = 0; i < engine->slot_count; i++) {
        const struct worker *w = &engine->slots[i];
        if (w->kind == WORKER_CLEARING && w->state != SLOT_FREE && w->state != SLOT_ENDING)
            return true;
    }
    return false;
}

/* A free slot for one more warm worker, and its kind: consumers, and one that clears. Some slots are left alone, so that
 * warming never makes anybody wait. */
static struct worker *find_warm_slot_locked(struct engine *engine, enum worker_kind *kind_out)
{
    uint32_t free_slots = 0;

    for (uint32_t i = 0; i < engine->slot_count; i++)
        free_slots += engine->slots[i].state == SLOT_FREE;
    if (free_slots <= engine->slot_count / 4 || engine->waiters != NULL)
        return NULL;
    if (count_consumers_locked(engine) < engine->warm_wanted)
        *kind_out = WORKER_CONSUMER;
    else if (engine->warm_wanted > 0 && !has_clearing_locked(engine))
        *kind_out = WORKER_CLEARING;
    else
        return NULL;
    return engine_slot_free_locked(engine);
}

/* False when one could not be started: then it is not tried again at once. */
static bool start_warm_locked(struct engine *engine)
{
    enum worker_kind kind;
    struct worker *w;
    bool ok = true;

    while (ok && !engine->is_closing && (w = find_warm_slot_locked(engine, &kind)) != NULL) {
        struct task *t = task_new();
        w->state = SLOT_STARTING;
        w->kind = kind;
        w->has_owner = w->is_promised = w->is_withdrawn = w->is_retired = false;
        pthread_mutex_unlock(&engine->lock);
        ok = engine_worker_start(t, w, (struct engine_reach){0});
        pthread_mutex_lock(&engine->lock);
        if (!ok && !engine->is_closing)
            log_failure("engine", t);
        task_free(t);
        if (ok) {
            w->state = SLOT_IDLE;
            w->idle_since_ms = clock_monotonic_ms();
            pthread_cond_broadcast(&engine->changed);
        } else {
            engine_slot_clear_locked(w);
        }
    }
    return ok;
}

/* The idle workers' wires, which tell when one dies; and how long until one has been idle long
 * enough. */
static nfds_t watch_locked(struct engine *engine, struct pollfd *watch, int *wait_ms_out)
{
    int64_t now_ms = clock_monotonic_ms(), next_ms = INT32_MAX;
    nfds_t len = 0;

    watch[len++] = (struct pollfd){.fd = engine->wake_fd, .events = POLLIN};
    for (uint32_t i = 0; i < engine->slot_count; i++) {
        const struct worker *w = &engine->slots[i];
        if (w->state != SLOT_IDLE || w->is_promised)
            continue;
        watch[len++] = (struct pollfd){.fd = w->fd, .events = POLLIN};
        int64_t left_ms = w->idle_since_ms + engine->idle_ms - now_ms;
        if (!is_warm(w) && left_ms < next_ms)
            next_ms = left_ms > 1 ? left_ms : 1;
    }
    *wait_ms_out = next_ms == INT32_MAX ? NEVER_MS : (int)next_ms;
    return len;
}

void *engine_keep(void *handle)
{
    struct engine *engine = handle;
    struct pollfd *watch = calloc(engine->slot_count + 1, sizeof(*watch));
    int64_t retry_ms = 0;

    CHECK(engine->magic == ENGINE_MAGIC && watch != NULL);
    pthread_mutex_lock(&engine->lock);
    while (!engine->is_closing) {
        int wait_ms;
        uint64_t wakes;
        end_idle_locked(engine);
        if (clock_monotonic_ms() >= retry_ms && !start_warm_locked(engine))
            retry_ms = clock_monotonic_ms() + ENGINE_RETRY_MS;
        if (engine->is_closing)
            break;
        nfds_t len = watch_locked(engine, watch, &wait_ms);
        int64_t retry_in_ms = retry_ms - clock_monotonic_ms();
        if (retry_in_ms > 0 && (wait_ms < 0 || retry_in_ms < wait_ms))
            wait_ms = (int)retry_in_ms;
        pthread_mutex_unlock(&engine->lock);
        poll(watch, len, wait_ms);
        if (read(engine->wake_fd, &wakes, sizeof(wakes)) < 0)
            CHECK(errno == EAGAIN || errno == EINTR);
        pthread_mutex_lock(&engine->lock);
    }
    pthread_mutex_unlock(&engine->lock);
    free(watch);
    return NULL;
}
