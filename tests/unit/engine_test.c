#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock/clock.h"
#include "engine_house.h"

TEST(a_worker_parses_runs_and_writes)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;
    struct heard heard = {0};
    struct job_result result;
    str json;

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_OK(t, engine_parse(t, w, STR("SELECT 1"), &json));
    EXPECT_STR(json, "SELECT 1");
    EXPECT_OK(t, house_run(t, w, "anything", &heard));
    EXPECT_STR(buf_str(heard.bytes), "ok");
    EXPECT_STR(heard.first_column, "name");
    EXPECT_INT(heard.begins, 1);
    EXPECT_INT(heard.ends, 1);
    EXPECT_INT(heard.aborts, 0);

    struct engine_job job = {.text = STR("write"), .output = JOB_FILE, .file = STR("part.parquet")};
    EXPECT_OK(t, engine_run(t, w, &job, NULL, &result));
    EXPECT_INT(result.rows, 7);
    EXPECT_INT(result.bytes, 7);
    struct stat state;
    EXPECT(stat(arena_c_string(t->mem, engine_output_path(t, w, STR("part.parquet"))), &state)
           == 0);
    engine_return(t, w);

    EXPECT_INT(engine_state(house->engine).workers, 1);
    EXPECT_INT(engine_state(house->engine).lent, 0);
}

TEST(an_answer_of_columns_only_begins_and_ends)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;
    struct heard heard = {0};
    struct row_sink sink = house_sink(t, &heard);
    struct job_result result;
    struct engine_job job = {.text = STR("columns"), .output = JOB_COLUMNS};

    REQUIRE_OK(t, house_lend(t, house, WORKER_CHECK, "x", &w));
    EXPECT_OK(t, engine_run_uncleared(t, w, &job, &sink, &result));
    EXPECT_INT(heard.begins, 1);
    EXPECT_INT(heard.ends, 1);
    EXPECT_INT(heard.bytes->len, 0);
}

TEST(a_large_answer_arrives_whole)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_INT(house_ask(t, w, "big").len, 20 << 20);
    EXPECT_STR(house_ask(t, w, "ok"), "ok");
}

TEST(a_worker_inherits_nothing)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;

    setenv("WEFT_SECRET_ORDERS_PASSWORD", "hidden", 1);
    signal(SIGPIPE, SIG_IGN);
    int leaked = dup(1);
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    unsetenv("WEFT_SECRET_ORDERS_PASSWORD");
    signal(SIGPIPE, SIG_DFL);
    close(leaked);
    str state = house_ask(t, w, "state");
    EXPECT(house_has(state, "session=1 sigpipe=1 blocked=0 variables=0 "));
    EXPECT(house_has(state, " fds=0,1,2,3, "));
    EXPECT(house_has(state, "/workers/1"));
    if (geteuid() == 0) {
        EXPECT(house_has(state, " uid=61184 "));
        EXPECT(house_has(state, " in=1 ")); /* reads, but cannot write */
    }
}

TEST(an_owner_keeps_his_worker_and_nobody_else_gets_it)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    str first = house_ask(t, w, "pid");
    engine_return(t, w);
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_STR(house_ask(t, w, "pid"), first);
    engine_return(t, w);
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "noor", &w));
    EXPECT(!str_eq(house_ask(t, w, "pid"), first));
    engine_return(t, w);
    REQUIRE_OK(t, house_lend(t, house, WORKER_BUILD, "ana", &w));
    EXPECT(!str_eq(house_ask(t, w, "pid"), first));
}

TEST(check_workers_are_shared_and_extract_workers_are_used_once)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;

    REQUIRE_OK(t, house_lend(t, house, WORKER_CHECK, "run one", &w));
    str first = house_ask(t, w, "pid");
    engine_return(t, w);
    REQUIRE_OK(t, house_lend(t, house, WORKER_CHECK, "run two", &w));
    EXPECT_STR(house_ask(t, w, "pid"), first);
    engine_return(t, w);
    REQUIRE_OK(t, house_lend(t, house, WORKER_EXTRACT, "run", &w));
    first = house_ask(t, w, "pid");
    engine_return(t, w);
    EXPECT_INT(engine_state(house->engine).workers, 1);
    REQUIRE_OK(t, house_lend(t, house, WORKER_EXTRACT, "run", &w));
    EXPECT(!str_eq(house_ask(t, w, "pid"), first));
}

TEST(a_warm_worker_serves_the_first_who_asks)
{
    HOUSE(house);
    struct task *t = house->t;
    struct worker *w, *other;

    REQUIRE(house_set(house, "workers_warm", "1"));
    house_begin_like(house, "slow");
    REQUIRE(house_open(house));
    REQUIRE(house_wait(house, 1));
    /* Asked for while it starts: it is awaited, rather than another one started beside it. */
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT(str_ends(engine_output_path(t, w, STR("x")), STR("/workers/1/out/x")));
    house_begin_like(house, "");
    EXPECT(house_wait(house, 2)); /* the next one is warmed */
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "noor", &other));
    EXPECT(str_ends(engine_output_path(t, other, STR("x")), STR("/workers/2/out/x")));
    engine_return(t, w);
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT(str_ends(engine_output_path(t, w, STR("x")), STR("/workers/1/out/x")));
}

TEST(a_full_pool_gives_up_the_longest_idle)
{
    HOUSE(house);
    struct task *t = house->t;
    struct worker *one, *two, *three;

    REQUIRE(house_set(house, "workers_max", "2"));
    REQUIRE(house_open(house));
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &one));
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "noor", &two));
    str of_ana = house_ask(t, one, "pid"), of_noor = house_ask(t, two, "pid");
    engine_return(t, one);
    usleep(5000);
    engine_return(t, two);
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "zoe", &three));
    EXPECT_INT(engine_state(house->engine).workers, 2);
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "noor", &two));
    EXPECT_STR(house_ask(t, two, "pid"), of_noor);
    engine_return(t, three);
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &one));
    EXPECT(!str_eq(house_ask(t, one, "pid"), of_ana));
}

static void *give_back_later(void *handle)
{
    usleep(100000);
    task_free(handle); /* with its loan */
    return NULL;
}

TEST(who_finds_all_lent_waits_until_the_deadline)
{
    HOUSE(house);
    struct task *t = house->t, *later = task_new();
    struct worker *one, *two;
    pthread_t thread;

    REQUIRE(house_set(house, "workers_max", "2"));
    REQUIRE(house_open(house));
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &one));
    REQUIRE_OK(later, house_lend(later, house, WORKER_CONSUMER, "noor", &two));
    t->deadline_ms = clock_monotonic_ms() + 60;
    EXPECT_FAIL(t, ERR_TIMEOUT, house_lend(t, house, WORKER_CONSUMER, "zoe", &two));
    EXPECT(house_has(t->err.hint, "workers_max"));
    t->deadline_ms = clock_monotonic_ms() + 10000;
    REQUIRE(pthread_create(&thread, NULL, give_back_later, later) == 0);
    EXPECT_OK(t, house_lend(t, house, WORKER_CONSUMER, "zoe", &two));
    pthread_join(thread, NULL);
}

TEST(a_worker_is_renewed_after_its_share_of_queries)
{
    HOUSE(house);
    struct task *t = house->t;
    struct worker *w;

    REQUIRE(house_set(house, "worker_queries_max", "2"));
    REQUIRE(house_open(house));
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    str first = house_ask(t, w, "pid");
    engine_return(t, w);
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_STR(house_ask(t, w, "pid"), first);
    engine_return(t, w);
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT(!str_eq(house_ask(t, w, "pid"), first));
}

TEST(a_worker_is_renewed_when_it_is_old)
{
    HOUSE(house);
    struct task *t = house->t;
    struct worker *w;

    REQUIRE(house_set(house, "worker_age_s", "0"));
    REQUIRE(house_open(house));
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    str first = house_ask(t, w, "pid");
    engine_return(t, w);
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT(!str_eq(house_ask(t, w, "pid"), first));
}

TEST(an_idle_worker_ends_after_its_time_and_a_dead_one_is_found)
{
    HOUSE(house);
    struct task *t = house->t;
    struct worker *w;

    REQUIRE(house_set(house, "worker_idle_s", "1"));
    REQUIRE(house_open(house));
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    int64_t pid;
    REQUIRE(str_to_i64(house_ask(t, w, "pid"), &pid));
    EXPECT(engine_is_worker(house->engine, pid));
    EXPECT(!engine_is_worker(house->engine, getpid()));
    EXPECT(!engine_is_worker(house->engine, 0));
    engine_return(t, w);
    EXPECT(house_wait(house, 0));
    EXPECT(!engine_is_worker(house->engine, pid));
    EXPECT(kill((pid_t)pid, 0) != 0 && errno == ESRCH);

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    REQUIRE(str_to_i64(house_ask(t, w, "pid"), &pid));
    engine_return(t, w);
    kill((pid_t)pid, SIGKILL);
    EXPECT(house_wait(house, 0));
    EXPECT(kill((pid_t)pid, 0) != 0 && errno == ESRCH); /* no zombie either */
}

TEST(folders_are_empty_between_loans_and_gone_with_the_worker)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;
    char path[512];

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_STR(house_ask(t, w, "litter"), "littered");
    engine_return(t, w);
    EXPECT_INT(engine_state(house->engine).workers, 1);
    snprintf(path, sizeof(path), STR_FMT "/workers/1/tmp/a", STR_ARG(house->home));
    EXPECT(access(path, F_OK) != 0);
    snprintf(path, sizeof(path), STR_FMT "/workers/1/out/left", STR_ARG(house->home));
    EXPECT(access(path, F_OK) != 0);
    engine_close(house->engine);
    house->engine = NULL;
    snprintf(path, sizeof(path), STR_FMT "/workers/1", STR_ARG(house->home));
    EXPECT(access(path, F_OK) != 0);
}

TEST(what_an_earlier_server_left_is_removed)
{
    HOUSE(house);
    char path[512];

    snprintf(path, sizeof(path), STR_FMT "/workers", STR_ARG(house->home));
    REQUIRE(mkdir(path, 0700) == 0);
    for (int i = 0; i < 60; i++) { /* as deep as a path goes, and a folder that nobody may enter */
        size_t len = strlen(path);
        snprintf(path + len, sizeof(path) - len, "/%d", i % 10);
        REQUIRE(mkdir(path, 0700) == 0);
    }
    chmod(path, 0);
    REQUIRE(house_open(house));
    snprintf(path, sizeof(path), STR_FMT "/workers/0", STR_ARG(house->home));
    EXPECT(access(path, F_OK) != 0);
}

TEST(withdrawal_kills_the_workers_of_a_task)
{
    OPEN_HOUSE(house);
    struct task *t = house->t, *other = task_new();
    struct worker *one, *two, *three;
    struct heard heard = {0};

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana/reporting", &one));
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana/marketing", &two));
    REQUIRE_OK(other, house_lend(other, house, WORKER_CONSUMER, "noor/reporting", &three));
    engine_return(t, one);
    engine_withdraw(house->engine, t);
    EXPECT_FAIL(t, ERR_CONFLICT, house_run(t, two, "ok", &heard));
    EXPECT_INT(engine_state(house->engine).killed, 1);
    EXPECT_STR(house_ask(other, three, "ok"), "ok");
    engine_return(t, two);
    EXPECT_INT(engine_state(house->engine).workers, 2);
    /* An idle one remembers for its owner: it is retired. */
    engine_retire(house->engine, STR("ana/reporting"));
    EXPECT_INT(engine_state(house->engine).workers, 1);
    task_free(other);
}

TEST(a_start_that_fails_says_why)
{
    OPEN_HOUSE(house);
    struct task *t = house->t;
    struct worker *w;

    house_begin_like(house, "exit78");
    EXPECT_FAIL(t, ERR_CONFIG, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT(house_has(t->err.hint, "best-effort"));
    house_begin_like(house, "exit1");
    EXPECT_FAIL(t, ERR_WORKER, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT(house_has(t->err.message, "exit code 1"));
    house_begin_like(house, "crash");
    EXPECT_FAIL(t, ERR_WORKER, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT(house_has(t->err.message, "signal 9 (KILL)"));
    house_begin_like(house, "version");
    EXPECT_FAIL(t, ERR_WORKER, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT(house_has(t->err.hint, "one release"));
    house_begin_like(house, "garbage");
    EXPECT_FAIL(t, ERR_WORKER, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    house_begin_like(house, "silent");
    t->deadline_ms = clock_monotonic_ms() + 200;
    EXPECT_FAIL(t, ERR_TIMEOUT, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_INT(engine_state(house->engine).workers, 0);
}

TEST(an_engine_without_its_program_does_not_open)
{
    HOUSE(house);
    struct task *t = house->t;

    REQUIRE(house_set(house, "worker_program", "/nonexistent/weft-worker"));
    EXPECT_FAIL(t, ERR_CONFIG, engine_open(t, house->config, house->home, &house->engine));
    EXPECT(house_has(t->err.hint, "worker_program"));
}
