#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "log/log.h"
#include "worker_job.h"
#include "worker_paths.h"
#include "worker_sandbox.h"
#include "worker_views.h"

enum {
    ENGINE_STACK_BYTES = 64 * 1024 * 1024, /* parsing and binding recurse */
    TEXT_BYTES_MAX = 8192,
};

#if defined(__SANITIZE_THREAD__)
/* The engine, its extension and the C++ library below them are built without the sanitizer, which sees their memory calls and not
 * their locks: what it says of them is no report. Ours are what is left, and a story that finds one in a log fails. */
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libduckdb.so\nrace:libduckdb.so\n"
           "called_from_lib:postgres_scanner.duckdb_extension\nrace:postgres_scanner.duckdb_"
           "extension\n"
           "called_from_lib:libstdc++.so\nrace:libstdc++.so\n";
}
#endif

struct room {
    struct worker_options options;
    struct worker_link link;
    struct worker_engine engine;
    const char *extensions;
};

/* ---- answers */

static str shortened(str text, size_t most)
{
    if (text.len <= most)
        return text;
    while (most && ((unsigned char)text.ptr[most] & 0xc0) == 0x80)
        most--;
    return str_sub(text, 0, most);
}

static void send_failed(struct room *room, struct task *t)
{
    const struct error *err = &t->err;
    struct buf *frame = buf_new(t->mem, frame_bytes_max(FRAME_FAILED) + FRAME_HEADER_BYTES);
    size_t begin = frame_begin(frame, FRAME_FAILED);
    frame_put_u32(frame, (uint32_t)err->code);
    frame_put_str(frame, shortened(err->message, TEXT_BYTES_MAX));
    frame_put_str(frame, shortened(err->detail, TEXT_BYTES_MAX));
    frame_put_str(frame, shortened(err->hint, TEXT_BYTES_MAX));
    frame_put_u32(frame, err->position);
    CHECK(frame_end(frame, begin));
    worker_link_send(&room->link, frame);
}

static void send_hello(struct room *room, struct task *t)
{
    struct buf *frame = buf_new(t->mem, frame_bytes_max(FRAME_HELLO) + FRAME_HEADER_BYTES);
    size_t begin = frame_begin(frame, FRAME_HELLO);
    frame_put_u8(frame, FRAME_VERSION);
    frame_put_str(frame, str_of(duckdb_library_version()));
    CHECK(frame_end(frame, begin));
    worker_link_send(&room->link, frame);
}

static void send_done(struct room *room, struct task *t, const struct engine_job *job,
                      const struct job_result *result)
{
    struct buf *frame = buf_new(t->mem, frame_bytes_max(FRAME_DONE) + FRAME_HEADER_BYTES);
    size_t begin = frame_begin(frame, FRAME_DONE);
    frame_put_u64(frame, result->rows);
    frame_put_u64(frame, result->bytes);
    if (job->output == JOB_FILES) {
        frame_put_u32(frame, (uint32_t)result->written.len);
        for (size_t i = 0; i < result->written.len; i++)
            frame_put_u64(frame, result->written.at[i].rows);
    }
    CHECK(frame_end(frame, begin));
    worker_link_send(&room->link, frame);
}

/* ---- requests */

static bool answer_parse(struct room *room, struct task *t, str body)
{
    struct frame_reader reader = {.rest = body};
    str sql = frame_get_str(&reader);
    str json;
    if (!frame_read_whole(&reader))
        return task_fail(t, ERR_PROTOCOL, "a text to parse is broken");
    if (!worker_parse(t, &room->engine, sql, &json))
        return false;
    struct buf *frame = buf_new(t->mem, frame_bytes_max(FRAME_TREE) + FRAME_HEADER_BYTES);
    size_t begin = frame_begin(frame, FRAME_TREE);
    frame_put_str(frame, json);
    if (!frame_end(frame, begin))
        return task_fail(t, ERR_LIMIT, "the tree of the text is too large");
    worker_link_send(&room->link, frame);
    return true;
}

static bool answer_job(struct room *room, struct task *t, str body)
{
    struct frame_reader reader = {.rest = body};
    struct engine_job job;
    struct job_result result;
    if (!job_unpack(&reader, t->mem, &job))
        return task_fail(t, ERR_PROTOCOL, "a job is broken");
    if (!worker_job(t, &room->engine, &job, &result))
        return false;
    send_done(room, t, &job, &result);
    return true;
}

/* What a job leaves behind must not be there for the next: where it cannot be removed, this process ends. */
static void clean_up(struct room *room, struct task *t)
{
    if (worker_views_end(t, &room->engine))
        return;
    log_failure("worker", t);
    _exit(0);
}

static void answer(struct room *room, const struct frame *request)
{
    struct task *t = task_new();
    bool ok = request->kind == FRAME_PARSE ? answer_parse(room, t, request->body)
                                           : answer_job(room, t, request->body);
    if (!ok) {
        enum error_code code = t->err.code;
        send_failed(room, t);
        if (worker_is_fatal(code))
            _exit(0);
    }
    /* Results and statements close before names are dropped. */
    task_free(t);
    t = task_new();
    clean_up(room, t);
    task_free(t);
}

static void *work(void *state)
{
    struct room *room = state;
    struct task *t = task_new();
    if (!worker_engine_open(t, &room->options, room->extensions, &room->link, &room->engine)) {
        log_failure("worker", t);
        _exit(error_exit_code(t->err.code));
    }
    send_hello(room, t);
    task_free(t);
    for (;;) {
        struct frame request;
        worker_link_take(&room->link, &request);
        answer(room, &request);
        worker_link_finish(&room->link);
    }
}

/* ---- start */

static bool start_work(struct task *t, struct room *room)
{
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) || pthread_attr_setstacksize(&attributes, ENGINE_STACK_BYTES)
        || pthread_create(&thread, &attributes, work, room))
        return task_fail(t, ERR_CONFIG, "the engine's thread cannot be started");
    pthread_attr_destroy(&attributes);
    return true;
}

int main(int argc, char **argv)
{
    static struct room room;
    struct task *t = task_new();
    worker_link_init(&room.link, -1);
    bool ok = worker_options_read(t, argc, argv, &room.options) && worker_paths_open(t)
           && worker_sandbox_enter(t, &room.options, &room.extensions);
    if (ok) {
        room.link.fd = room.options.fd;
        room.link.interrupt = worker_engine_interrupt;
        room.link.state = &room.engine;
        ok = start_work(t, &room);
    }
    if (!ok) {
        log_failure("worker", t);
        _exit(error_exit_code(t->err.code));
    }
    /* This thread reads; it ends the process when the server goes. */
    worker_link_read(&room.link);
}
