#include "services/jobs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "clock/clock.h"
#include "test.h"

static struct jobs *new_jobs(struct task *t)
{
    struct jobs *jobs = jobs_new(NULL);
    arena_defer(t->mem, (void (*)(void *))jobs_free, jobs);
    return jobs;
}

/* What came, and whether more can come. */
static str follow(struct task *t, struct jobs *jobs, str id, uint64_t *next, bool *ended)
{
    str lines = STR_NONE;
    EXPECT_OK(t, jobs_follow(t, jobs, id, next, 0, &lines, ended));
    return lines;
}

TEST(events_come_once_and_in_order)
{
    struct task *t = test_task();
    struct jobs *jobs = new_jobs(t);
    uint64_t next = 0;
    bool ended;
    jobs_begin(jobs, STR("a"), t);
    EXPECT_STR(follow(t, jobs, STR("a"), &next, &ended), "");
    EXPECT(!ended);
    jobs_say(jobs, STR("a"), STR("1"));
    jobs_say(jobs, STR("a"), STR("2"));
    EXPECT_STR(follow(t, jobs, STR("a"), &next, &ended), "1\n2\n");
    jobs_say(jobs, STR("a"), STR("3"));
    EXPECT_STR(follow(t, jobs, STR("a"), &next, &ended), "3\n");
    EXPECT(!ended);
    jobs_end(jobs, STR("a"));
    EXPECT_STR(follow(t, jobs, STR("a"), &next, &ended), "");
    EXPECT(ended);
}

TEST(who_follows_late_hears_all_that_is_kept)
{
    struct task *t = test_task();
    struct jobs *jobs = new_jobs(t);
    uint64_t next = 0;
    bool ended;
    jobs_begin(jobs, STR("a"), t);
    jobs_say(jobs, STR("a"), STR("one"));
    jobs_say(jobs, STR("a"), STR("end"));
    jobs_end(jobs, STR("a"));
    EXPECT_STR(follow(t, jobs, STR("a"), &next, &ended), "one\nend\n");
    EXPECT(ended);
}

TEST(an_unknown_job_has_ended)
{
    struct task *t = test_task();
    struct jobs *jobs = new_jobs(t);
    uint64_t next = 0;
    bool ended = false;
    EXPECT_STR(follow(t, jobs, STR("nobody"), &next, &ended), "");
    EXPECT(ended);
    jobs_say(jobs, STR("nobody"), STR("heard by nobody"));
    jobs_end(jobs, STR("nobody"));
    EXPECT(!jobs_cancel(jobs, STR("nobody")));
}

TEST(the_newest_events_stay_when_there_are_too_many)
{
    struct task *t = test_task();
    struct jobs *jobs = new_jobs(t);
    uint64_t next = 0;
    bool ended;
    jobs_begin(jobs, STR("a"), t);
    for (int i = 0; i < 5000; i++)
        jobs_say(jobs, STR("a"), arena_format(t->mem, "%d", i));
    str lines = follow(t, jobs, STR("a"), &next, &ended);
    EXPECT(!str_starts(lines, STR("0\n")));
    EXPECT(str_ends(lines, STR("\n4999\n")));
    EXPECT_INT(next, 5000);
}

TEST(long_events_push_the_old_ones_out_as_whole_lines)
{
    struct task *t = test_task();
    struct jobs *jobs = new_jobs(t);
    size_t len = 1 << 20;
    char *text = arena_alloc(t->mem, len);
    uint64_t next = 0;
    bool ended;
    memset(text, 'x', len);
    jobs_begin(jobs, STR("a"), t);
    for (int i = 0; i < 8; i++)
        jobs_say(jobs, STR("a"), (str){text, len});
    jobs_say(jobs, STR("a"), STR("end"));
    str lines = follow(t, jobs, STR("a"), &next, &ended);
    EXPECT_INT(lines.len, 3 * (len + 1) + 4);
    EXPECT(str_ends(lines, STR("x\nend\n")));
}

TEST(cancel_reaches_the_task_that_works)
{
    struct task *t = test_task();
    struct jobs *jobs = new_jobs(t);
    struct task *other = task_new();
    jobs_begin(jobs, STR("a"), other);
    EXPECT_INT(jobs_cancel_all(jobs), 1);
    EXPECT(!task_go_on(other));
    EXPECT(jobs_cancel(jobs, STR("a")));
    jobs_end(jobs, STR("a"));
    task_free(other);
    EXPECT(!jobs_cancel(jobs, STR("a")));
    EXPECT_INT(jobs_cancel_all(jobs), 0);
}

TEST(a_follower_that_is_cancelled_is_told_so)
{
    struct task *t = test_task();
    struct jobs *jobs = new_jobs(t);
    struct task *follower = task_new();
    uint64_t next = 0;
    bool ended;
    str lines;
    jobs_begin(jobs, STR("a"), t);
    task_cancel(follower);
    EXPECT_FAIL(follower, ERR_CANCELLED,
                jobs_follow(follower, jobs, STR("a"), &next, 60000, &lines, &ended));
    task_free(follower);
}

TEST(many_later_jobs_make_an_ended_one_forgotten)
{
    struct task *t = test_task();
    struct jobs *jobs = new_jobs(t);
    uint64_t next = 0;
    bool ended;
    jobs_begin(jobs, STR("first"), t);
    jobs_say(jobs, STR("first"), STR("hello"));
    jobs_end(jobs, STR("first"));
    jobs_begin(jobs, STR("works"), t);
    for (int i = 0; i < 100; i++) {
        str id = arena_format(t->mem, "job %d", i);
        jobs_begin(jobs, id, t);
        jobs_end(jobs, id);
    }
    EXPECT_STR(follow(t, jobs, STR("first"), &next, &ended), "");
    jobs_say(jobs, STR("works"), STR("still"));
    next = 0;
    EXPECT_STR(follow(t, jobs, STR("works"), &next, &ended), "still\n");
    EXPECT(!ended);
}

TEST(a_wake_before_the_wait_is_not_lost)
{
    struct task *t = test_task();
    struct jobs *jobs = new_jobs(t);
    int64_t began_ms = clock_monotonic_ms();
    jobs_wake(jobs);
    jobs_wait(jobs, 60000);
    EXPECT(clock_monotonic_ms() - began_ms < 30000);
    jobs_wait(jobs, 1); /* and it woke once */
}

/* ---- threads: one that works, some that follow, one that cancels */

enum { FOLLOWERS = 4, EVENTS = 1000 };

struct hub {
    struct jobs *jobs;
    atomic_uint ready;
};

static void *work(void *state)
{
    struct hub *hub = state;
    struct task *t = task_new();
    jobs_begin(hub->jobs, STR("a"), t);
    atomic_fetch_add(&hub->ready, 1);
    for (int i = 0; i < EVENTS; i++) {
        struct arena_mark mark = arena_mark(t->mem);
        jobs_say(hub->jobs, STR("a"), arena_format(t->mem, "%d", i));
        arena_rewind(t->mem, mark);
    }
    /* The end is the cancel of another thread. */
    while (task_go_on(t))
        jobs_pause(hub->jobs, 10);
    jobs_end(hub->jobs, STR("a"));
    task_free(t);
    return NULL;
}

static void *count_lines(void *state)
{
    struct hub *hub = state;
    struct task *t = task_new();
    uint64_t next = 0, count = 0;
    bool ended = false, ok = true;
    while (ok && !ended) {
        struct arena_mark mark = arena_mark(t->mem);
        str lines = STR_NONE;
        ok = jobs_follow(t, hub->jobs, STR("a"), &next, 1000, &lines, &ended);
        for (size_t i = 0; i < lines.len; i++)
            count += lines.ptr[i] == '\n';
        arena_rewind(t->mem, mark);
    }
    task_free(t);
    return (void *)(uintptr_t)count;
}

TEST(followers_in_threads_hear_every_event_and_the_end)
{
    struct task *t = test_task();
    struct hub hub = {.jobs = new_jobs(t)};
    pthread_t worker, followers[FOLLOWERS];
    atomic_init(&hub.ready, 0);
    REQUIRE(pthread_create(&worker, NULL, work, &hub) == 0);
    while (atomic_load(&hub.ready) == 0)
        jobs_pause(hub.jobs, 1);
    for (int i = 0; i < FOLLOWERS; i++)
        REQUIRE(pthread_create(&followers[i], NULL, count_lines, &hub) == 0);
    uint64_t next = 0;
    bool ended = false;
    str lines;
    while (next < EVENTS)
        REQUIRE_OK(t, jobs_follow(t, hub.jobs, STR("a"), &next, 1000, &lines, &ended));
    EXPECT(jobs_cancel(hub.jobs, STR("a")));
    for (int i = 0; i < FOLLOWERS; i++) {
        void *count;
        pthread_join(followers[i], &count);
        EXPECT_INT((uintptr_t)count, EVENTS);
    }
    pthread_join(worker, NULL);
}
