#include <stdlib.h>
#include <string.h>

#include "clock/clock.h"
#include "services/services_inside.h"

/* Of one who has a turn, or waits for it. Rounds make it fair: those who ask get a turn in each round, and who asks twice gets the
 * second in the next. */
struct turn {
    struct turns *turns;
    const struct task *task;
    char *actor;
    uint64_t round;
    int64_t weight; /* 1, or all there are */
    bool is_given;
    struct turn *next;
};

struct turns *turns_new(int64_t most, int64_t waiting_most)
{
    struct turns *turns = calloc(1, sizeof(*turns));
    pthread_condattr_t attributes;

    CHECK(turns != NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&turns->lock, NULL);
    pthread_cond_init(&turns->freed, &attributes);
    pthread_condattr_destroy(&attributes);
    turns->most = most;
    turns->waiting_most = waiting_most;
    return turns;
}

void turns_free(struct turns *turns)
{
    CHECK(turns->first == NULL);
    pthread_cond_destroy(&turns->freed);
    pthread_mutex_destroy(&turns->lock);
    free(turns);
}

/* The turn of the lowest round; of one round, who asked first. */
static struct turn *turns_next(const struct turns *turns)
{
    struct turn *found = NULL;

    for (struct turn *turn = turns->first; turn != NULL; turn = turn->next) {
        if (!turn->is_given && (found == NULL || turn->round < found->round)) {
            found = turn;
        }
    }
    return found;
}

static void turns_pass_on(struct turns *turns)
{
    struct turn *next;

    while (turns->taken < turns->most && (next = turns_next(turns)) != NULL) {
        next->is_given = true;
        turns->taken += next->weight;
        turns->waiting--;
        turns->round = next->round;
    }
    pthread_cond_broadcast(&turns->freed);
}

static void turns_remove(struct turn *turn)
{
    struct turns *turns = turn->turns;
    struct turn **link = &turns->first;

    while (*link != turn) {
        link = &(*link)->next;
    }
    *link = turn->next;
    if (turn->is_given) {
        turns->taken -= turn->weight;
    } else {
        turns->waiting--;
    }
    turns_pass_on(turns);
    free(turn->actor);
    free(turn);
}

static void turns_end(void *handle)
{
    struct turn *turn = handle;
    struct turns *turns = turn->turns;

    pthread_mutex_lock(&turns->lock);
    turns_remove(turn);
    pthread_mutex_unlock(&turns->lock);
}

static struct turn *turns_join(struct task *t, struct turns *turns, int64_t weight)
{
    struct turn *turn = calloc(1, sizeof *turn), **end = &turns->first;
    str actor = t->actor != NULL ? t->actor->name : STR_NONE;

    CHECK(turn != NULL && (turn->actor = calloc(1, actor.len + 1)) != NULL);
    if (actor.len > 0) {
        memcpy(turn->actor, actor.ptr, actor.len);
    }
    turn->turns = turns;
    turn->task = t;
    turn->weight = weight;
    turn->round = turns->round;
    for (; *end != NULL; end = &(*end)->next) {
        if (strcmp((*end)->actor, turn->actor) == 0 && (*end)->round >= turn->round) {
            turn->round = (*end)->round + 1;
        }
    }
    *end = turn;
    turns->waiting++;
    turns_pass_on(turns);
    return turn;
}

static struct timespec turns_instant(int64_t monotonic_ms)
{
    return (struct timespec){.tv_sec = monotonic_ms / 1000,
                             .tv_nsec = monotonic_ms % 1000 * 1000000};
}

static bool turns_refuse(struct task *t, const struct turns *turns, const char *what)
{
    task_fail(t, ERR_TOO_MANY, "%lld %s run already, and %lld wait for their turn",
              (long long)turns->most, what, (long long)turns->waiting);
    return task_hint(t, "try again in a few seconds");
}

static bool turns_await(struct task *t, struct turn *turn, int64_t wait_ms, const char *what)
{
    struct turns *turns = turn->turns;
    int64_t end_ms = clock_monotonic_ms() + wait_ms;

    while (!turn->is_given) {
        int64_t now_ms = clock_monotonic_ms();

        if (!task_go_on(t)) {
            return false;
        }
        if (now_ms >= end_ms) {
            task_fail(t, ERR_TOO_MANY,
                      "%lld %s run already and this one's turn did not come in %lld ms",
                      (long long)turns->most, what, (long long)wait_ms);
            return task_hint(t,
                             "try again in a few seconds, or raise the setting that bounds them");
        }
        /* Cancel does not signal the condition, so the wait is sliced. */
        struct timespec until = turns_instant(end_ms < now_ms + 50 ? end_ms : now_ms + 50);
        pthread_cond_timedwait(&turns->freed, &turns->lock, &until);
    }
    return true;
}

bool turns_take(struct task *t, struct turns *turns, int64_t wait_ms, const char *what)
{
    struct turn *turn = NULL;
    bool ok;

    pthread_mutex_lock(&turns->lock);
    if (turns->taken >= turns->most && turns->waiting >= turns->waiting_most) {
        ok = turns_refuse(t, turns, what);
    } else {
        turn = turns_join(t, turns, 1);
        ok = turns_await(t, turn, wait_ms, what);
        if (!ok) {
            turns_remove(turn);
        }
    }
    pthread_mutex_unlock(&turns->lock);
    if (ok) {
        arena_defer(t->mem, turns_end, turn);
    }
    return ok;
}

bool turns_take_all(struct task *t, struct turns *turns)
{
    struct turn *turn = NULL;

    pthread_mutex_lock(&turns->lock);
    if (turns->first == NULL) {
        turn = turns_join(t, turns, turns->most);
    }
    pthread_mutex_unlock(&turns->lock);
    if (turn != NULL) {
        arena_defer(t->mem, turns_end, turn);
    }
    return turn != NULL;
}

struct turns_state turns_state(struct turns *turns)
{
    struct turns_state state;

    pthread_mutex_lock(&turns->lock);
    state = (struct turns_state){(uint64_t)turns->taken, (uint64_t)turns->waiting};
    pthread_mutex_unlock(&turns->lock);
    return state;
}

void turns_give(struct task *t, struct turns *turns)
{
    struct turn *turn;

    pthread_mutex_lock(&turns->lock);
    for (turn = turns->first; turn != NULL && (turn->task != t || !turn->is_given);) {
        turn = turn->next;
    }
    pthread_mutex_unlock(&turns->lock);
    CHECK(turn != NULL);
    arena_close(t->mem, turn);
}
