#include "services/jobs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "buf/buf.h"
#include "clock/clock.h"

enum { JOBS_KEPT = 64, JOBS_EVENTS_MAX = 2000, JOBS_LINES_BYTES_MAX = 1 << 22 };

/* Of the lines that were said, those from `oldest` on are there: as many as JOBS_EVENTS_MAX and JOBS_LINES_BYTES_MAX let stay. */
struct job_entry {
    char id[37];
    struct task *task;          /* NULL: ended */
    str lines[JOBS_EVENTS_MAX]; /* a ring; each on the heap, with the line feed */
    uint64_t oldest, said;
    size_t bytes;
    uint64_t ended_order; /* 0: at work */
    bool is_over;         /* the work is done, and its row waits for the disk */
    enum job_state state; /* of what is over */
    str result;           /* on the heap */
    struct job_entry *next;
};

struct jobs {
    struct jobs *also; /* woken with these */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct job_entry *entries;
    uint64_t ended;
    bool is_woken;
};

struct jobs *jobs_new(struct jobs *also)
{
    struct jobs *jobs = calloc(1, sizeof(*jobs));
    pthread_condattr_t attributes;

    CHECK(jobs != NULL);
    jobs->also = also;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return jobs;
}

static void jobs_drop_oldest(struct job_entry *entry)
{
    str *line = &entry->lines[entry->oldest++ % JOBS_EVENTS_MAX];

    entry->bytes -= line->len;
    free((char *)(uintptr_t)line->ptr);
    *line = STR_NONE;
}

static void jobs_free_entry(struct job_entry *entry)
{
    while (entry->oldest < entry->said) {
        jobs_drop_oldest(entry);
    }
    free((char *)(uintptr_t)entry->result.ptr);
    free(entry);
}

void jobs_free(struct jobs *jobs)
{
    if (jobs == NULL) {
        return;
    }
    while (jobs->entries != NULL) {
        struct job_entry *next = jobs->entries->next;
        jobs_free_entry(jobs->entries);
        jobs->entries = next;
    }
    pthread_cond_destroy(&jobs->changed);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}

static void jobs_wait_locked(struct jobs *jobs, int most_ms)
{
    int64_t end_ms = clock_monotonic_ms() + most_ms;
    struct timespec until = {.tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000};

    pthread_cond_timedwait(&jobs->changed, &jobs->lock, &until);
}

void jobs_wake(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->is_woken = true;
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
    if (jobs->also != NULL) {
        jobs_wake(jobs->also);
    }
}

void jobs_wait(struct jobs *jobs, int most_ms)
{
    int64_t end_ms = clock_monotonic_ms() + most_ms;

    pthread_mutex_lock(&jobs->lock);
    while (!jobs->is_woken && clock_monotonic_ms() < end_ms) {
        jobs_wait_locked(jobs, (int)(end_ms - clock_monotonic_ms()));
    }
    jobs->is_woken = false;
    pthread_mutex_unlock(&jobs->lock);
}

void jobs_pause(struct jobs *jobs, int most_ms)
{
    pthread_mutex_lock(&jobs->lock);
    jobs_wait_locked(jobs, most_ms);
    pthread_mutex_unlock(&jobs->lock);
}

static struct job_entry *jobs_find(struct jobs *jobs, str id)
{
    for (struct job_entry *entry = jobs->entries; entry != NULL; entry = entry->next) {
        if (str_eq(str_of(entry->id), id)) {
            return entry;
        }
    }
    return NULL;
}

/* Followers come late and leave late: the events of the last jobs that ended stay for them. */
static void jobs_forget(struct jobs *jobs)
{
    for (struct job_entry **at = &jobs->entries; *at != NULL;) {
        struct job_entry *entry = *at;

        if (entry->ended_order > 0 && entry->ended_order + JOBS_KEPT < jobs->ended) {
            *at = entry->next;
            jobs_free_entry(entry);
        } else {
            at = &entry->next;
        }
    }
}

void jobs_begin(struct jobs *jobs, str id, struct task *t)
{
    struct job_entry *entry = calloc(1, sizeof(*entry));

    CHECK(entry != NULL && id.len < sizeof(entry->id));
    memcpy(entry->id, id.ptr, id.len);
    entry->task = t;
    pthread_mutex_lock(&jobs->lock);
    entry->next = jobs->entries;
    jobs->entries = entry;
    jobs_forget(jobs);
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
}

void jobs_end(struct jobs *jobs, str id)
{
    pthread_mutex_lock(&jobs->lock);
    struct job_entry *entry = jobs_find(jobs, id);
    if (entry != NULL && entry->task != NULL) {
        entry->task = NULL;
        entry->ended_order = ++jobs->ended;
    }
    pthread_mutex_unlock(&jobs->lock);
    /* The place of this one is free: another row may be taken. */
    jobs_wake(jobs);
}

void jobs_over(struct jobs *jobs, str id, enum job_state state, str result)
{
    char *copy = malloc(result.len + 1);

    CHECK(copy != NULL);
    memcpy(copy, result.len > 0 ? result.ptr : "", result.len);
    pthread_mutex_lock(&jobs->lock);
    struct job_entry *entry = jobs_find(jobs, id);
    if (entry != NULL && !entry->is_over) {
        entry->is_over = true;
        entry->state = state;
        entry->result = (str){copy, result.len};
        copy = NULL;
    }
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
    free(copy);
}

bool jobs_is_over(struct task *t, struct jobs *jobs, str id, enum job_state *state_out,
                  str *result_out)
{
    pthread_mutex_lock(&jobs->lock);
    struct job_entry *entry = jobs_find(jobs, id);
    bool is_over = entry != NULL && entry->is_over;
    if (is_over) {
        *state_out = entry->state;
        *result_out = arena_str(t->mem, entry->result);
    }
    pthread_mutex_unlock(&jobs->lock);
    return is_over;
}

bool jobs_is_known(struct jobs *jobs, str id)
{
    pthread_mutex_lock(&jobs->lock);
    bool is_known = jobs_find(jobs, id) != NULL;
    pthread_mutex_unlock(&jobs->lock);
    return is_known;
}

bool jobs_cancel(struct jobs *jobs, str id)
{
    pthread_mutex_lock(&jobs->lock);
    struct job_entry *entry = jobs_find(jobs, id);
    bool is_running = entry != NULL && entry->task != NULL;
    if (is_running) {
        task_cancel(entry->task);
    }
    pthread_mutex_unlock(&jobs->lock);
    return is_running;
}

size_t jobs_cancel_all(struct jobs *jobs)
{
    size_t running = 0;

    pthread_mutex_lock(&jobs->lock);
    for (struct job_entry *entry = jobs->entries; entry != NULL; entry = entry->next) {
        if (entry->task != NULL) {
            task_cancel(entry->task);
            running++;
        }
    }
    pthread_mutex_unlock(&jobs->lock);
    return running;
}

static void jobs_keep_line(struct job_entry *entry, str line)
{
    char *copy = malloc(line.len + 1);

    CHECK(copy != NULL);
    memcpy(copy, line.ptr, line.len);
    copy[line.len] = '\n';
    while (entry->said - entry->oldest == JOBS_EVENTS_MAX
           || entry->bytes + line.len + 1 > JOBS_LINES_BYTES_MAX) {
        jobs_drop_oldest(entry);
    }
    entry->lines[entry->said++ % JOBS_EVENTS_MAX] = (str){copy, line.len + 1};
    entry->bytes += line.len + 1;
}

void jobs_say(struct jobs *jobs, str id, str line)
{
    CHECK(line.len > 0 && line.len < JOBS_LINES_BYTES_MAX);
    pthread_mutex_lock(&jobs->lock);
    struct job_entry *entry = jobs_find(jobs, id);
    if (entry != NULL) {
        jobs_keep_line(entry, line);
        pthread_cond_broadcast(&jobs->changed);
    }
    pthread_mutex_unlock(&jobs->lock);
}

bool jobs_follow(struct task *t, struct jobs *jobs, str id, uint64_t *next_io, int most_ms,
                 str *lines_out, bool *ended_out)
{
    int64_t end_ms = clock_monotonic_ms() + most_ms;
    struct buf *lines = buf_new(t->mem, JOBS_LINES_BYTES_MAX);
    struct job_entry *entry;

    pthread_mutex_lock(&jobs->lock);
    for (;;) {
        entry = jobs_find(jobs, id);
        if (entry == NULL || entry->said > *next_io || entry->task == NULL || entry->is_over
            || clock_monotonic_ms() >= end_ms || atomic_load(&t->cancelled)) {
            break;
        }
        /* Cancel does not signal the condition, so the wait is sliced. */
        jobs_wait_locked(jobs, 50);
    }
    if (entry != NULL) {
        for (uint64_t i = *next_io > entry->oldest ? *next_io : entry->oldest; i < entry->said;
             i++) {
            buf_add(lines, entry->lines[i % JOBS_EVENTS_MAX]);
        }
        *next_io = entry->said;
    }
    *ended_out = entry == NULL || entry->task == NULL || entry->is_over;
    pthread_mutex_unlock(&jobs->lock);
    *lines_out = buf_str(lines);
    return task_go_on(t);
}
