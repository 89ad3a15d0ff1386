#include "stream/stream_idle.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock/clock.h"

enum { EVENTS_AT_ONCE = 64, ACCEPTS_AT_ONCE = 32, LISTENER_REST_MS = 100, FIRST_SLOTS = 64 };

enum slot_kind { SLOT_FREE, SLOT_PARKED, SLOT_WATCHED, SLOT_LISTENER };

/* Epoll hands back a slot's number and generation, never a pointer: an event that was fetched
 * before its stream was closed finds another generation, and is dropped. */
struct slot {
    enum slot_kind kind;
    uint32_t generation;
    int fd;
    int64_t deadline_ms; /* of a listener: when it accepts again */
    void (*ready)(void *item, enum stream_wake why);
    void (*gone)(void *item);
    void (*accepted)(void *state, struct stream *s);
    struct stream_listener *listener;
    void *item;
};

struct stream_idle {
    int epoll;
    int alarm;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t accept_ended;
    struct slot *slots; /* the first is never used: id 0 is none */
    size_t cap;
    size_t search_from;
    int64_t next_ms;  /* no deadline is sooner; 0 is none */
    size_t accepting; /* slot whose `accepted` runs now; 0 is none */
    bool releasing;
    bool ending;
};

static void *idle_main(void *arg);

static uint64_t slot_id(const struct stream_idle *idle, size_t n)
{
    return (uint64_t)idle->slots[n].generation << 32 | n;
}

static struct slot *slot_of(struct stream_idle *idle, uint64_t id)
{
    size_t n = (uint32_t)id;
    if (n == 0 || n >= idle->cap || idle->slots[n].generation != id >> 32)
        return NULL;
    return idle->slots[n].kind == SLOT_FREE ? NULL : &idle->slots[n];
}

static size_t take_slot(struct stream_idle *idle)
{
    for (size_t i = 0; i + 1 < idle->cap; i++) {
        size_t n = 1 + (idle->search_from + i) % (idle->cap - 1);
        if (idle->slots[n].kind == SLOT_FREE) {
            idle->search_from = n;
            return n;
        }
    }
    size_t n = idle->cap;
    size_t cap = idle->cap * 2;
    struct slot *slots = realloc(idle->slots, cap * sizeof(*slots));
    CHECK(slots != NULL);
    memset(slots + idle->cap, 0, (cap - idle->cap) * sizeof(*slots));
    idle->slots = slots;
    idle->cap = cap;
    return n;
}

static void free_slot(struct stream_idle *idle, struct slot *slot)
{
    epoll_ctl(idle->epoll, EPOLL_CTL_DEL, slot->fd, NULL);
    slot->kind = SLOT_FREE;
    slot->generation++;
}

static void ring(struct stream_idle *idle)
{
    uint64_t one = 1;
    ssize_t n = write(idle->alarm, &one, sizeof(one));
    (void)n; /* A full counter rings just as well. */
}

static uint64_t add_slot(struct stream_idle *idle, const struct slot *made, uint32_t events)
{
    size_t n = take_slot(idle);
    uint32_t generation = idle->slots[n].generation;
    idle->slots[n] = *made;
    idle->slots[n].generation = generation;
    struct epoll_event event = {.events = events, .data.u64 = slot_id(idle, n)};
    CHECK(epoll_ctl(idle->epoll, EPOLL_CTL_ADD, made->fd, &event) == 0);
    if (made->deadline_ms != 0 && (idle->next_ms == 0 || made->deadline_ms < idle->next_ms)) {
        idle->next_ms = made->deadline_ms;
        ring(idle);
    }
    return slot_id(idle, n);
}

bool stream_idle_open(struct task *t, struct stream_idle **out)
{
    struct stream_idle *idle = calloc(1, sizeof(*idle));
    CHECK(idle != NULL);
    idle->cap = FIRST_SLOTS;
    idle->slots = calloc(idle->cap, sizeof(*idle->slots));
    CHECK(idle->slots != NULL);
    idle->epoll = epoll_create1(EPOLL_CLOEXEC);
    idle->alarm = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&idle->lock, NULL);
    pthread_cond_init(&idle->accept_ended, NULL);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0};
    bool ok = idle->epoll >= 0 && idle->alarm >= 0
           && epoll_ctl(idle->epoll, EPOLL_CTL_ADD, idle->alarm, &event) == 0;
    if (!ok) {
        task_fail_errno(t, ERR_CONFIG, "cannot wait for connections");
    } else {
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        /* Signals are the main thread's. */
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int status = pthread_create(&idle->thread, NULL, idle_main, idle);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        errno = status;
        ok = status == 0;
        if (!ok)
            task_fail_errno(t, ERR_CONFIG, "cannot start a thread");
    }
    if (!ok) {
        if (idle->epoll >= 0)
            close(idle->epoll);
        if (idle->alarm >= 0)
            close(idle->alarm);
        free(idle->slots);
        free(idle);
        return false;
    }
    *out = idle;
    return true;
}

void stream_idle_release(struct stream_idle *idle)
{
    pthread_mutex_lock(&idle->lock);
    idle->releasing = true;
    pthread_mutex_unlock(&idle->lock);
    ring(idle);
}

void stream_idle_close(struct stream_idle *idle)
{
    if (idle == NULL)
        return;
    pthread_mutex_lock(&idle->lock);
    idle->releasing = true;
    idle->ending = true;
    pthread_mutex_unlock(&idle->lock);
    ring(idle);
    pthread_join(idle->thread, NULL);
    close(idle->epoll);
    close(idle->alarm);
    pthread_cond_destroy(&idle->accept_ended);
    pthread_mutex_destroy(&idle->lock);
    free(idle->slots);
    free(idle);
}

void stream_idle_park(struct stream_idle *idle, struct stream *s, int64_t deadline_ms,
                      void (*ready)(void *item, enum stream_wake why), void *item)
{
    struct slot made = {.kind = SLOT_PARKED,
                        .fd = stream_fd(s),
                        .deadline_ms = deadline_ms,
                        .ready = ready,
                        .item = item};
    pthread_mutex_lock(&idle->lock);
    bool releasing = idle->releasing;
    if (!releasing)
        add_slot(idle, &made, EPOLLIN | EPOLLRDHUP);
    pthread_mutex_unlock(&idle->lock);
    if (releasing)
        ready(item, STREAM_WAKE_CLOSING);
}

void stream_idle_listen(struct stream_idle *idle, struct stream_listener *listener,
                        void (*accepted)(void *state, struct stream *s), void *state)
{
    struct slot made = {.kind = SLOT_LISTENER,
                        .fd = stream_listener_fd(listener),
                        .accepted = accepted,
                        .listener = listener,
                        .item = state};
    pthread_mutex_lock(&idle->lock);
    add_slot(idle, &made, EPOLLIN);
    pthread_mutex_unlock(&idle->lock);
}

void stream_idle_unlisten(struct stream_idle *idle, struct stream_listener *listener)
{
    pthread_mutex_lock(&idle->lock);
    for (size_t n = 1; n < idle->cap; n++) {
        if (idle->slots[n].kind != SLOT_LISTENER || idle->slots[n].listener != listener)
            continue;
        free_slot(idle, &idle->slots[n]);
        while (idle->accepting == n)
            pthread_cond_wait(&idle->accept_ended, &idle->lock);
        break;
    }
    pthread_mutex_unlock(&idle->lock);
}

uint64_t stream_idle_watch(struct stream_idle *idle, struct stream *s, void (*gone)(void *item),
                           void *item)
{
    struct slot made = {.kind = SLOT_WATCHED, .fd = stream_fd(s), .gone = gone, .item = item};
    pthread_mutex_lock(&idle->lock);
    uint64_t id = add_slot(idle, &made, EPOLLRDHUP);
    pthread_mutex_unlock(&idle->lock);
    return id;
}

void stream_idle_unwatch(struct stream_idle *idle, uint64_t id)
{
    pthread_mutex_lock(&idle->lock);
    struct slot *slot = slot_of(idle, id);
    if (slot != NULL)
        free_slot(idle, slot);
    pthread_mutex_unlock(&idle->lock);
}

/* Without a free descriptor an accept would fail at once, again and again: the listener rests
 * instead. */
static void rest_listener(struct stream_idle *idle, uint64_t id)
{
    struct slot *slot = slot_of(idle, id);
    if (slot == NULL)
        return;
    struct epoll_event event = {.events = 0, .data.u64 = id};
    epoll_ctl(idle->epoll, EPOLL_CTL_MOD, slot->fd, &event);
    slot->deadline_ms = clock_monotonic_ms() + LISTENER_REST_MS;
    if (idle->next_ms == 0 || slot->deadline_ms < idle->next_ms)
        idle->next_ms = slot->deadline_ms;
}

static void accept_some(struct stream_idle *idle, uint64_t id)
{
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        struct slot *slot = slot_of(idle, id);
        if (slot == NULL)
            return;
        struct slot found = *slot;
        idle->accepting = (uint32_t)id;
        pthread_mutex_unlock(&idle->lock);
        struct stream *s = stream_accept_now(found.listener);
        int error = errno;
        if (s != NULL)
            found.accepted(found.item, s);
        pthread_mutex_lock(&idle->lock);
        idle->accepting = 0;
        pthread_cond_broadcast(&idle->accept_ended);
        if (s != NULL)
            continue;
        if (error != EAGAIN && error != EWOULDBLOCK)
            rest_listener(idle, id);
        return;
    }
}

static void wake_slot(struct stream_idle *idle, uint64_t id)
{
    struct slot *slot = slot_of(idle, id);
    if (slot == NULL)
        return;
    struct slot found = *slot;
    switch (found.kind) {
    case SLOT_LISTENER:
        accept_some(idle, id);
        break;
    case SLOT_WATCHED:
        free_slot(idle, slot);
        found.gone(found.item); /* Under the lock, so that unwatch can promise that it is over. */
        break;
    case SLOT_PARKED:
        free_slot(idle, slot);
        pthread_mutex_unlock(&idle->lock);
        found.ready(found.item, STREAM_WAKE_READABLE);
        pthread_mutex_lock(&idle->lock);
        break;
    case SLOT_FREE:
        break;
    }
}

/* Wakes what is due, and finds the next instant. */
static void sweep(struct stream_idle *idle)
{
    int64_t now = clock_monotonic_ms();
    if (!idle->releasing && (idle->next_ms == 0 || now < idle->next_ms))
        return;
    idle->next_ms = 0;
    for (size_t n = 1; n < idle->cap; n++) {
        struct slot *slot = &idle->slots[n];
        struct slot found = *slot;
        bool is_due = found.deadline_ms != 0 && found.deadline_ms <= now;
        if (found.kind == SLOT_PARKED && (is_due || idle->releasing)) {
            free_slot(idle, slot);
            pthread_mutex_unlock(&idle->lock);
            found.ready(found.item, is_due ? STREAM_WAKE_TIMEOUT : STREAM_WAKE_CLOSING);
            pthread_mutex_lock(&idle->lock);
        } else if (found.kind == SLOT_LISTENER && is_due) {
            struct epoll_event event = {.events = EPOLLIN, .data.u64 = slot_id(idle, n)};
            epoll_ctl(idle->epoll, EPOLL_CTL_MOD, slot->fd, &event);
            slot->deadline_ms = 0;
        } else if (found.kind != SLOT_FREE && found.deadline_ms != 0
                   && (idle->next_ms == 0 || found.deadline_ms < idle->next_ms)) {
            idle->next_ms = found.deadline_ms;
        }
    }
}

static int wait_ms(const struct stream_idle *idle)
{
    if (idle->next_ms == 0)
        return -1;
    int64_t left = idle->next_ms - clock_monotonic_ms();
    if (left < 0)
        return 0;
    return left > 60000 ? 60000 : (int)left;
}

static void *idle_main(void *arg)
{
    struct stream_idle *idle = arg;
    struct epoll_event events[EVENTS_AT_ONCE];
    pthread_mutex_lock(&idle->lock);
    for (;;) {
        sweep(idle);
        if (idle->ending)
            break;
        int wait = wait_ms(idle);
        pthread_mutex_unlock(&idle->lock);
        int n = epoll_wait(idle->epoll, events, EVENTS_AT_ONCE, wait);
        pthread_mutex_lock(&idle->lock);
        for (int i = 0; i < n; i++) {
            uint64_t count = 0;
            if (events[i].data.u64 != 0)
                wake_slot(idle, events[i].data.u64);
            else if (read(idle->alarm, &count, sizeof(count)) < 0)
                continue; /* Another ring is on its way, or none: both are fine. */
        }
    }
    pthread_mutex_unlock(&idle->lock);
    return NULL;
}
