/* The pool with the real weft-worker, where it has been built beside the tests. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock/clock.h"
#include "engine_house.h"

/* NULL where there is no worker. */
static struct house *house_with_worker(void)
{
    static const char *const places[] = {"weft-worker", "../weft-worker"};
    char program[4096];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 32);
    const char *given = getenv("WEFT_WORKER_PROGRAM");
    struct house *house = house_make();
    str folder, name;

    if (house == NULL || len <= 0
        || !str_cut_last((str){program, (size_t)len}, '/', &folder, &name))
        return NULL;
    str path = str_of(given);
    for (size_t i = 0; given == NULL && i < sizeof(places) / sizeof(places[0]); i++) {
        str place = arena_format(house->t->mem, STR_FMT "/%s", STR_ARG(folder), places[i]);
        if (access(place.ptr, X_OK) == 0)
            path = place;
    }
    if (path.len == 0) {
        printf("no weft-worker has been built: its tests are skipped\n");
        return NULL;
    }
    bool ok = house_set(house, "worker_program", path.ptr)
           && house_set(house, "sandbox", "required") && house_open(house);
    return ok ? house : NULL;
}

static bool run_view(struct task *t, struct worker *w, const char *text, struct job_view *view,
                     struct job_link *link, struct heard *heard)
{
    struct engine_job job = {
        .text = str_of(text), .output = JOB_ROWS, .format = ROW_FORMAT_CSV, .keep_order = true};
    struct row_sink sink = house_sink(t, heard);
    struct job_result result;

    if (view != NULL)
        vec_push(t->mem, &job.views, *view);
    if (link != NULL)
        vec_push(t->mem, &job.links, *link);
    return engine_run(t, w, &job, &sink, &result);
}

static void add_column(struct task *t, struct job_columns *columns, const char *name,
                       const char *type, uint32_t id)
{
    vec_push(t->mem, columns, ((struct job_column){str_of(name), str_of(type), id}));
}

TEST(the_real_worker_parses_and_answers)
{
    struct house *house = house_with_worker();
    struct worker *w;
    struct heard heard = {0};
    str json;

    if (house == NULL)
        return;
    struct task *t = house->t;
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_OK(t, engine_parse(t, w, STR("SELECT 42 AS answer"), &json));
    EXPECT(house_has(json, "SELECT_NODE"));
    EXPECT_FAIL(t, ERR_SYNTAX, engine_parse(t, w, STR("SELECT 42 FORM x y z"), &json));
    EXPECT(t->err.position > 0);
    EXPECT_OK(t, run_view(t, w, "SELECT 42 AS answer", NULL, NULL, &heard));
    EXPECT_STR(buf_str(heard.bytes), "answer\r\n42\r\n");
    EXPECT_STR(heard.first_column, "answer");
    engine_return(t, w);
    EXPECT_INT(engine_state(house->engine).workers, 1);
}

TEST(the_real_worker_writes_a_file_that_another_reads)
{
    struct house *house = house_with_worker();
    struct worker *build, *consumer;
    struct heard heard = {0};
    struct job_result result;

    if (house == NULL)
        return;
    struct task *t = house->t;
    REQUIRE_OK(t, house_lend(t, house, WORKER_BUILD, "product", &build));
    struct engine_job job = {.text = STR("SELECT i AS id, 'n' || i AS name FROM range(3) r(i)"),
                             .output = JOB_FILE,
                             .file = STR("part.parquet"),
                             .keep_order = true};
    add_column(t, &job.columns, "id", "BIGINT", 1);
    add_column(t, &job.columns, "name", "VARCHAR", 2);
    REQUIRE_OK(t, engine_run(t, build, &job, NULL, &result));
    EXPECT_INT(result.rows, 3);
    EXPECT(result.bytes > 100);

    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &consumer));
    struct job_view view = {.schema = STR("shop"), .name = STR("things")};
    add_column(t, &view.columns, "id", "BIGINT", 1);
    add_column(t, &view.columns, "title", "VARCHAR", 2); /* renamed since */
    vec_push(t->mem, &view.files, STR("a.parquet"));
    struct job_link link = {engine_output_path(t, build, STR("part.parquet")), STR("a.parquet")};
    EXPECT_OK(t,
              run_view(t, consumer, "SELECT * FROM shop.things ORDER BY id", &view, &link, &heard));
    EXPECT_STR(buf_str(heard.bytes), "id,title\r\n0,n0\r\n1,n1\r\n2,n2\r\n");
    /* The next query of the same worker has neither the name nor the file. */
    EXPECT_FAIL(t, ERR_UNKNOWN_NAME,
                run_view(t, consumer, "SELECT * FROM shop.things", NULL, NULL, &heard));
    EXPECT(
        !run_view(t, consumer, "SELECT * FROM read_parquet('in/a.parquet')", NULL, NULL, &heard));
    EXPECT(!run_view(t, consumer, "SELECT * FROM read_text('/etc/passwd')", NULL, NULL, &heard));
}

TEST(the_real_worker_is_stopped_in_time)
{
    struct house *house = house_with_worker();
    struct worker *w;
    struct heard heard = {0};

    if (house == NULL)
        return;
    struct task *t = house->t;
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    int64_t begun_ms = clock_monotonic_ms();
    t->deadline_ms = begun_ms + 300;
    EXPECT_FAIL(t, ERR_TIMEOUT,
                run_view(t, w, "SELECT count(*) FROM range(10000000000) a, range(1000) b", NULL,
                         NULL, &heard));
    EXPECT(clock_monotonic_ms() - begun_ms < 5000);
    engine_return(t, w);
    t->deadline_ms = 0;
    REQUIRE_OK(t, house_lend(t, house, WORKER_CONSUMER, "ana", &w));
    EXPECT_OK(t, run_view(t, w, "SELECT 1 AS a", NULL, NULL, &heard));
}
