#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock/clock.h"
#include "engine_house.h"

/* What no honest worker sends ends it, is told as such, and harms nobody else. */
TEST(a_worker_that_breaks_the_rules_is_ended)
{
    static const char *const ways[] = {"kind",     "version",   "length", "count", "nocolumns",
                                       "name",     "rowsfirst", "twice",  "end",   "endfirst",
                                       "manyrows", "tree",      "hello",  "job",   "code",
                                       "fine",     "progress"};
    OPEN_HOUSE(house);
    struct task *t = house->t;

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct worker *w;
        struct heard heard = {0};
        char text[64];
        snprintf(text, sizeof(text), "hostile %s", ways[i]);
        REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
        EXPECT_FAIL(t, ERR_WORKER, house_run(t, w, text, &heard));
        if (!house_has(t->err.message, "broke the rules"))
            EXPECT_STR(ways[i], "");
        EXPECT_INT(heard.aborts, heard.begins);
        EXPECT_INT(heard.ends, 0);
        EXPECT_FAIL(t, ERR_WORKER, house_run(t, w, "ok", &heard));
        engine_return(t, w);
        EXPECT_INT(engine_state(house->engine).workers, 0);
    }
    EXPECT_INT(engine_state(house->engine).killed, sizeof(ways) / sizeof(ways[0]));
}

TEST(a_parse_takes_a_tree_or_a_failure_and_nothing_else)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;
    str json;

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_FAIL(t, ERR_SYNTAX, engine_parse(t, w, STR("syntax"), &json));
    EXPECT_INT(t->err.position, 3);
    EXPECT_STR(t->err.detail, "a detail");
    EXPECT_STR(t->err.hint, "a hint");
    EXPECT_OK(t, engine_parse(t, w, STR("again"), &json));
    char *large = arena_alloc(t->mem, 300000);
    EXPECT_FAIL(t, ERR_LIMIT, engine_parse(t, w, (str){large, 300000}, &json));
    EXPECT_FAIL(t, ERR_WORKER, engine_parse(t, w, STR("rows"), &json));
    engine_return(t, w);

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_FAIL(t, ERR_WORKER, engine_parse(t, w, STR("die"), &json));
    EXPECT(house_has(t->err.message, "exit code 5"));
    engine_return(t, w);

    /* A tree in a frame that holds bytes which are no text. */
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_FAIL(t, ERR_WORKER, engine_parse(t, w, STR("\xff"), &json));
}

TEST(a_worker_that_dies_midway_is_told_from_one_that_fails)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;
    struct heard heard = {0};

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_FAIL(t, ERR_WORKER, house_run(t, w, "midway", &heard));
    EXPECT(house_has(t->err.message, "signal 6 (ABRT)"));
    EXPECT_INT(heard.aborts, 1);
    engine_return(t, w);

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_FAIL(t, ERR_WORKER, house_run(t, w, "half", &heard));
    EXPECT(house_has(t->err.message, "exit code 7"));
    engine_return(t, w);

    /* One that closes the wire and lives on is killed. */
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_FAIL(t, ERR_WORKER, house_run(t, w, "close", &heard));
    EXPECT(house_has(t->err.message, "signal 9"));
    engine_return(t, w);
    EXPECT_INT(engine_state(house->engine).workers, 0);
}

TEST(failures_of_the_engine_pass_with_their_text)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;
    struct heard heard = {0};

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_FAIL(t, ERR_UNKNOWN_COLUMN, house_run(t, w, "position", &heard));
    EXPECT_STR(t->err.message, "no column ? here");
    EXPECT_INT(t->err.position, 4);
    EXPECT_FAIL(t, ERR_UNKNOWN_COLUMN, house_run(t, w, "far", &heard));
    EXPECT_INT(t->err.position, 0); /* there is no such place in the text */
    EXPECT_STR(house_ask(t, w, "ok"), "ok");
    EXPECT_FAIL(t, ERR_ENGINE, house_run(t, w, "engine", &heard));
    EXPECT_FAIL(t, ERR_WORKER, house_run(t, w, "ok", &heard));
    engine_return(t, w);
    EXPECT_INT(engine_state(house->engine).workers, 0);
}

TEST(a_worker_that_speaks_unasked_is_not_used_again)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_STR(house_ask(t, w, "unasked"), "fine");
    usleep(20000);
    engine_return(t, w);
    EXPECT_INT(engine_state(house->engine).workers, 0);
}

TEST(a_deadline_interrupts_and_then_kills)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;
    struct heard heard = {0};
    str json;

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    int64_t begun_ms = clock_monotonic_ms();
    t->deadline_ms = begun_ms + 100;
    EXPECT_FAIL(t, ERR_TIMEOUT, house_run(t, w, "slow", &heard));
    EXPECT(heard.progress > 0);
    EXPECT(clock_monotonic_ms() - begun_ms < 1500); /* it heard of it */
    engine_return(t, w);

    t->deadline_ms = 0;
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    begun_ms = clock_monotonic_ms();
    t->deadline_ms = begun_ms + 50;
    EXPECT_FAIL(t, ERR_TIMEOUT, house_run(t, w, "deaf", &heard));
    EXPECT(clock_monotonic_ms() - begun_ms >= 2000);
    EXPECT_INT(heard.aborts, 1);
    engine_return(t, w);
    EXPECT_INT(engine_state(house->engine).workers, 0);

    t->deadline_ms = 0;
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    t->deadline_ms = clock_monotonic_ms() + 50;
    EXPECT_FAIL(t, ERR_TIMEOUT, engine_parse(t, w, STR("deaf"), &json));
    engine_return(t, w);

    /* A flood of progress hides no deadline. */
    t->deadline_ms = 0;
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    t->deadline_ms = clock_monotonic_ms() + 50;
    EXPECT_FAIL(t, ERR_TIMEOUT, house_run(t, w, "hostile flood", &heard));
}

static void *cancel_later(void *handle)
{
    usleep(60000);
    task_cancel(handle);
    return NULL;
}

TEST(a_cancel_leaves_a_worker_that_hears_of_it)
{
    OPEN_HOUSE(house);
    struct task *t = house->t, *query = test_task();
    struct worker *w;
    struct heard heard = {0};
    pthread_t thread;

    REQUIRE_OK(query, house_lend(query, house, WORKER_CONSUMER, "ana", &w));
    str pid = arena_str(t->mem, house_ask(query, w, "pid"));
    REQUIRE(pthread_create(&thread, NULL, cancel_later, query) == 0);
    EXPECT_FAIL(query, ERR_CANCELLED, house_run(query, w, "slow", &heard));
    pthread_join(thread, NULL);
    engine_return(query, w);
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_STR(house_ask(t, w, "pid"), pid);
}

TEST(a_sink_that_fails_stops_the_engine)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;
    struct heard heard = {.fail_after = 2 << 20};

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_FAIL(t, ERR_UNREACHABLE, house_run(t, w, "big", &heard));
    EXPECT_STR(t->err.message, "the client has gone");
    EXPECT_INT(heard.aborts, 1);
    engine_return(t, w);

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    struct engine_job job = {.text = STR("big"), .output = JOB_ROWS, .bytes_max = 3 << 20};
    struct row_sink sink = house_sink(t, &heard);
    struct job_result result;
    heard.fail_after = 0;
    EXPECT_FAIL(t, ERR_LIMIT, engine_run(t, w, &job, &sink, &result));
    EXPECT(heard.bytes->len <= 3 << 20);
}

TEST(a_worker_that_does_not_read_is_not_waited_for)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;
    struct heard heard = {0};
    str json;
    char *large = arena_alloc(t->mem, (4 << 20) + 1);

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_OK(t, engine_parse(t, w, STR("stop reading"), &json));
    memset(large, 'x', 4 << 20);
    int64_t begun_ms = clock_monotonic_ms();
    t->deadline_ms = begun_ms + 100;
    EXPECT_FAIL(t, ERR_TIMEOUT, house_run(t, w, large, &heard));
    EXPECT(clock_monotonic_ms() - begun_ms < 1500);
}

static bool run_over(struct task *t, struct worker *w, const char *path, const char *text,
                     struct heard *heard)
{
    struct engine_job job = {.text = str_of(text), .output = JOB_ROWS};
    struct job_link link = {str_of(path), STR("input")};
    struct row_sink sink = house_sink(t, heard);
    struct job_result result;

    vec_push(t->mem, &job.links, link);
    return engine_run(t, w, &job, &sink, &result);
}

static const char *make_file(struct house *house, const char *name, const char *text, mode_t mode)
{
    const char *path = arena_format(house->t->mem, "%s/%s", house->folder, name).ptr;
    FILE *file = fopen(path, "w");

    if (file != NULL) {
        fputs(text, file);
        fclose(file);
        chmod(path, mode);
    }
    return path;
}

TEST(files_are_linked_for_one_job)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;
    struct heard heard = {0};
    struct stat state;

    REQUIRE_OK(t, house_lend(t, house, WORKER_BUILD, "product", &w));
    const char *release = make_file(house, "release", "rows", 0444);
    EXPECT_OK(t, run_over(t, w, release, "read input", &heard));
    EXPECT_STR(buf_str(heard.bytes), "rows");
    REQUIRE(stat(release, &state) == 0);
    EXPECT_INT(state.st_nlink, 1);
    EXPECT_FAIL(t, ERR_IO, house_run(t, w, "read input", &heard)); /* it is gone again */

    /* What the worker's user could not read, or could write, reaches it as a copy. */
    EXPECT_OK(t, run_over(t, w, make_file(house, "private", "mine", 0600), "read input", &heard));
    EXPECT_STR(buf_str(heard.bytes), "mine");
    EXPECT_OK(t, run_over(t, w, make_file(house, "open", "ours", 0666), "read input", &heard));
    EXPECT_STR(buf_str(heard.bytes), "ours");
}

TEST(a_file_of_another_file_system_is_copied)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;
    struct heard heard = {0};
    char path[] = "/dev/shm/weft-engine-XXXXXX";
    int fd = mkstemp(path);

    if (fd < 0)
        return; /* this machine has no second file system for us */
    EXPECT(write(fd, "far", 3) == 3 && fchmod(fd, 0444) == 0);
    close(fd);
    REQUIRE_OK(t, house_lend(t, house, WORKER_EXTRACT, "run", &w));
    EXPECT_OK(t, run_over(t, w, path, "read input", &heard));
    EXPECT_STR(buf_str(heard.bytes), "far");
    unlink(path);
}

TEST(links_and_folders_are_no_files_for_a_worker)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;
    struct heard heard = {0};
    const char *path = arena_format(t->mem, "%s/link", house->folder).ptr;

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    REQUIRE(symlink("/etc/passwd", path) == 0);
    EXPECT_FAIL(t, ERR_IO, run_over(t, w, path, "read input", &heard));
    EXPECT_FAIL(t, ERR_IO, run_over(t, w, house->folder, "read input", &heard));
    EXPECT_FAIL(t, ERR_IO, run_over(t, w, "/nonexistent", "read input", &heard));
    EXPECT_STR(house_ask(t, w, "ok"), "ok"); /* its fault it was not */
}

TEST(a_file_that_a_worker_claims_must_be_there)
{
    static const char *const ways[] = {"nofile", "linkfile"};
    OPEN_HOUSE(house);
    struct task *t = house->t;

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct worker *w;
        struct job_result result;
        struct engine_job job = {.text = str_of(ways[i]), .output = JOB_FILE, .file = STR("file")};
        REQUIRE_OK(t, house_lend(t, house, WORKER_CLEARING, "gate", &w));
        EXPECT_FAIL(t, ERR_WORKER, engine_run_uncleared(t, w, &job, NULL, &result));
        engine_return(t, w);
    }
}

enum { ASKERS = 6, ROUNDS = 15 };

struct asker {
    struct house *house;
    unsigned number;
    unsigned answered;
};

static void *ask_often(void *handle)
{
    struct asker *asker = handle;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct task *t = task_new();
        struct worker *w;
        struct heard heard = {0};
        char owner[16];
        snprintf(owner, sizeof(owner), "u%u", (asker->number + i) % 4);
        t->deadline_ms = clock_monotonic_ms() + 20000;
        bool ok =
            house_lend(t, asker->house, i % 5 == 4 ? WORKER_CHECK : WORKER_CONSUMER, owner, &w)
            && house_run(t, w, "ok", &heard);
        /* The workers of u3 are retired again and again meanwhile. */
        asker->answered += ok;
        if (!ok)
            fprintf(stderr, "%s: " STR_FMT "\n", error_name(t->err.code), STR_ARG(t->err.message));
        task_free(t);
    }
    return NULL;
}

TEST(many_ask_at_once)
{
    HOUSE(house);
    struct asker askers[ASKERS];
    pthread_t threads[ASKERS];

    REQUIRE(house_set(house, "workers_max", "3"));
    REQUIRE(house_set(house, "workers_warm", "1"));
    REQUIRE(house_open(house));
    for (unsigned i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){house, i, 0};
        REQUIRE(pthread_create(&threads[i], NULL, ask_often, &askers[i]) == 0);
    }
    for (int i = 0; i < 20; i++) {
        engine_retire(house->engine, STR("u3"));
        usleep(5000);
    }
    for (unsigned i = 0; i < ASKERS; i++) {
        pthread_join(threads[i], NULL);
        EXPECT_INT(askers[i].answered, ROUNDS);
    }
    EXPECT_INT(engine_state(house->engine).lent, 0);
}
