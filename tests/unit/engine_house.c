#include "engine_house.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock/clock.h"
#include "store/store_file.h"

/* After the loans of the task, which end last in, first out. */
static void house_end(void *handle)
{
    struct house *house = handle;

    engine_close(house->engine);
    EXPECT(store_folder_remove(AT_FDCWD, house->folder));
}

bool house_set(struct house *house, const char *name, const char *value)
{
    return test_expect_ok(house->t,
                          config_set(house->t, house->config, str_of(name), str_of(value)), name,
                          __FILE__, __LINE__);
}

/* How a worker begins from now on; empty: well. */
void house_begin_like(const struct house *house, const char *how)
{
    char path[256];

    snprintf(path, sizeof(path), STR_FMT "/start", STR_ARG(house->home));
    FILE *file = fopen(path, "w");
    if (file != NULL) {
        fputs(how, file);
        fclose(file);
    }
}

struct house *house_make(void)
{
    struct task *t = test_task();
    struct house *house = ARENA_NEW(t->mem, struct house);
    char program[4096];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);

    house->t = t;
    snprintf(house->folder, sizeof(house->folder), "/tmp/weft-engine-XXXXXX");
    if (mkdtemp(house->folder) == NULL || len <= 0)
        return NULL;
    program[len] = '\0';
    house->home = str_of(house->folder);
    arena_defer(t->mem, house_end, house);
    bool ok =
        test_expect_ok(t, config_load(t, t->mem, &house->config), "config_load", __FILE__, __LINE__)
        && house_set(house, "worker_program", program) && house_set(house, "sandbox", "best-effort")
        && house_set(house, "workers_warm", "0") && house_set(house, "workers_max", "4");
    return ok ? house : NULL;
}

bool house_open(struct house *house)
{
    return test_expect_ok(house->t,
                          engine_open(house->t, house->config, house->home, &house->engine),
                          "engine_open", __FILE__, __LINE__);
}

bool house_lend(struct task *t, struct house *house, enum worker_kind kind, const char *owner,
                struct worker **out)
{
    return engine_lend(t, house->engine, kind, str_of(owner), (struct engine_reach){0}, out);
}

static bool heard_begin(struct task *t, void *state, const struct row_column *columns, size_t len)
{
    struct heard *heard = state;
    heard->begins++;
    heard->first_column = len > 0 ? arena_str(t->mem, columns[0].name) : STR_NONE;
    return true;
}

static bool heard_bytes(struct task *t, void *state, str bytes)
{
    struct heard *heard = state;
    buf_add(heard->bytes, bytes);
    if (heard->fail_after != 0 && heard->bytes->len >= heard->fail_after)
        return task_fail(t, ERR_UNREACHABLE, "the client has gone");
    return true;
}

static bool heard_end(struct task *t, void *state, uint64_t rows)
{
    (void)t;
    (void)rows;
    ((struct heard *)state)->ends++;
    return true;
}

static void heard_abort(struct task *t, void *state)
{
    (void)t;
    ((struct heard *)state)->aborts++;
}

static bool heard_progress(struct task *t, void *state, const struct row_progress *progress)
{
    (void)t;
    (void)progress;
    ((struct heard *)state)->progress++;
    return true;
}

struct row_sink house_sink(struct task *t, struct heard *heard)
{
    heard->bytes = buf_new(t->mem, 64 << 20);
    return (struct row_sink){heard,     heard_begin, heard_bytes,
                             heard_end, heard_abort, heard_progress};
}

bool house_run(struct task *t, struct worker *w, const char *text, struct heard *heard)
{
    struct engine_job job = {.text = str_of(text), .output = JOB_ROWS};
    struct row_sink sink = house_sink(t, heard);
    struct job_result result;

    job.rows_max = 1000;
    return engine_run(t, w, &job, &sink, &result);
}

str house_ask(struct task *t, struct worker *w, const char *text)
{
    struct heard heard = {0};

    if (!test_expect_ok(t, house_run(t, w, text, &heard), text, __FILE__, __LINE__))
        return STR("");
    return buf_str(heard.bytes);
}

bool house_has(str text, const char *part)
{
    bool found = str_find(text, str_of(part)) < text.len;
    if (!found)
        printf("in: " STR_FMT "\n", STR_ARG(text));
    return found;
}

bool house_wait(struct house *house, uint32_t wanted)
{
    int64_t until_ms = clock_monotonic_ms() + 10000;

    while (engine_state(house->engine).workers != wanted && clock_monotonic_ms() < until_ms)
        usleep(2000);
    return engine_state(house->engine).workers == wanted;
}
