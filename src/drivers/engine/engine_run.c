#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "clock/clock.h"
#include "engine/engine_inside.h"
#include "limits/limits.h"
#include "log/log.h"

enum { THOUSANDTHS_UNKNOWN = 0xffffffff, NAME_AND_TYPE_BYTES_LEAST = 8 };

/* One request to a worker and what comes back. After an interrupt t->err stands, and what still
 * comes is dropped. */
struct call {
    struct task *t;
    struct worker *w;
    size_t text_len;
    int64_t kill_at_ms; /* 0: not interrupted */
    bool is_told;       /* CANCEL has gone */
};

/* A job's way from frames to the sink. */
struct relay {
    const struct engine_job *job;
    struct row_sink *sink;
    struct job_result *out;
    bool has_columns, has_begun;
    uint64_t bytes; /* given to the sink */
    uint64_t rows;  /* as the worker told last, before its end */
};

enum frame_end { FRAME_MORE, FRAME_LAST, FRAME_STOP };

static void call_kill(struct call *c)
{
    struct engine *engine = c->w->engine;

    engine_worker_kill(c->w);
    pthread_mutex_lock(&engine->lock);
    engine->killed++;
    pthread_mutex_unlock(&engine->lock);
}

/* What no honest worker sends: it is ended at once, whatever else it had to say. */
static bool call_hostile(struct call *c, const char *what)
{
    log_event(LOG_WARN, "engine", c->t, "a worker broke the rules: kind=%s pid=%d what=\"%s\"",
              worker_kind_name(c->w->kind), (int)c->w->pid, what);
    call_kill(c);
    if (c->kill_at_ms == 0) {
        task_fail(c->t, ERR_WORKER, "the worker broke the rules of the frames: %s", what);
        return task_hint(c->t, "it was ended; the next query gets another");
    }
    return false;
}

/* The task ends, or nobody takes the rows any more: t->err says which. The engine has two seconds
 * to hear of it. */
static void call_interrupt(struct call *c)
{
    c->kill_at_ms = clock_monotonic_ms() + ENGINE_GRACE_MS;
    /* Who has burned a whole deadline may have left the engine in any state of memory. */
    if (c->t->err.code == ERR_TIMEOUT)
        c->w->is_doomed = true;
    c->is_told = engine_wire_post(c->w, FRAME_CANCEL);
}

/* False when the worker's time is over. */
static bool call_has_time(struct call *c)
{
    if (c->kill_at_ms == 0) {
        if (!task_go_on(c->t) || !engine_has_room(c->t, c->w, 0))
            call_interrupt(c);
        return true;
    }
    if (clock_monotonic_ms() < c->kill_at_ms) {
        if (!c->is_told)
            c->is_told = engine_wire_post(c->w, FRAME_CANCEL);
        return true;
    }
    log_event(LOG_WARN, "engine", c->t, "a worker did not hear of its end: kind=%s pid=%d",
              worker_kind_name(c->w->kind), (int)c->w->pid);
    call_kill(c);
    return false;
}

static bool call_next(struct call *c, struct frame *out)
{
    while (call_has_time(c)) {
        switch (engine_wire_next(c->w, out)) {
        case WIRE_FRAME:
            return true;
        case WIRE_BROKEN:
            return call_hostile(c, "a malformed frame");
        default:
            break;
        }
        int slice_ms = c->kill_at_ms == 0 ? task_left_ms(c->t, ENGINE_SLICE_MS) : ENGINE_SLICE_MS;
        if (engine_wire_wait(c->w, slice_ms > 0 ? slice_ms : 1) != WIRE_ENDED)
            continue;
        if (c->kill_at_ms == 0)
            return engine_worker_gone(c->t, c->w);
        engine_worker_kill(c->w);
        return false;
    }
    return false;
}

/* Text of a worker, as doors may show it. */
static str clean_text(struct arena *mem, str text)
{
    if (str_is_utf8(text))
        return arena_str(mem, text);
    char *copy = arena_c_string(mem, text);
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)copy[i] >= 0x80 || copy[i] == '\0')
            copy[i] = '?';
    }
    return (str){copy, text.len};
}

/* Takes a FAILED frame as the task's own error. */
static bool call_failed(struct call *c, const struct frame *frame)
{
    struct task *t = c->t;
    struct frame_reader reader = {.rest = frame->body};
    uint32_t code = frame_get_u32(&reader);
    str message = frame_get_str(&reader);
    str detail = frame_get_str(&reader);
    str hint = frame_get_str(&reader);
    uint32_t position = frame_get_u32(&reader);

    if (!frame_read_whole(&reader) || code == ERR_NONE || code >= ERR_COUNT)
        return call_hostile(c, "a malformed failure");
    /* Its instance is invalid or out of memory: it ends by itself, and is not lent again. */
    if (code == ERR_ENGINE || code == ERR_MEMORY)
        c->w->is_doomed = true;
    if (c->kill_at_ms != 0)
        return false;
    message = clean_text(t->mem, message);
    task_fail(t, (enum error_code)code, STR_FMT, STR_ARG(message));
    if (detail.len > 0)
        task_detail(t, STR_FMT, STR_ARG(clean_text(t->mem, detail)));
    if (hint.len > 0)
        task_hint(t, STR_FMT, STR_ARG(clean_text(t->mem, hint)));
    if (position > 0 && position <= c->text_len + 1)
        task_position(t, position);
    return false;
}

/* A worker whose last request ended badly, or that speaks unasked, is of no use any more. */
static bool call_begin(struct call *c, const struct buf *frames)
{
    CHECK(c->w->magic == WORKER_MAGIC && c->w->state == SLOT_LENT);
    if (c->w->is_doomed || !engine_is_at_rest(c->w))
        return engine_worker_gone(c->t, c->w);
    return engine_wire_send(c->t, c->w, frames);
}

bool engine_parse(struct task *t, struct worker *worker, str sql, str *json_out)
{
    struct call c = {.t = t, .w = worker, .text_len = sql.len};
    struct frame frame;
    struct buf b;

    if (sql.len > SQL_BYTES_MAX) {
        task_fail(t, ERR_LIMIT, "the text has %zu bytes", sql.len);
        return task_hint(t, "one SELECT may have %d bytes", (int)SQL_BYTES_MAX);
    }
    buf_init(&b, SQL_BYTES_MAX + 64);
    size_t begin = frame_begin(&b, FRAME_PARSE);
    frame_put_str(&b, sql);
    CHECK(frame_end(&b, begin));
    bool ok = call_begin(&c, &b);
    buf_free(&b);
    if (!ok || !call_next(&c, &frame))
        return false;
    if (frame.kind == FRAME_FAILED)
        return call_failed(&c, &frame);
    struct frame_reader reader = {.rest = frame.body};
    str json = frame_get_str(&reader);
    if (frame.kind != FRAME_TREE || !frame_read_whole(&reader) || !str_is_utf8(json))
        return call_hostile(&c, "not a tree");
    if (c.kill_at_ms != 0) {
        worker->is_doomed = true; /* it came too late, and before the interrupt was heard */
        return false;
    }
    *json_out = arena_str(t->mem, json);
    engine_wire_rest(worker);
    return true;
}

static bool read_columns(struct arena *mem, str body, struct row_column **columns_out,
                         size_t *len_out)
{
    struct frame_reader reader = {.rest = body};
    uint32_t count = frame_get_count(&reader, NAME_AND_TYPE_BYTES_LEAST);

    if (count == 0 || count > COLUMNS_MAX)
        return false;
    struct row_column *columns = ARENA_ARRAY(mem, struct row_column, count);
    for (uint32_t i = 0; i < count; i++) {
        columns[i].name = frame_get_str(&reader);
        columns[i].type = frame_get_str(&reader);
        if (reader.failed || !str_is_utf8(columns[i].name) || !str_is_utf8(columns[i].type))
            return false;
        /* A sink may keep them: the frame is gone with the next. */
        columns[i].name = arena_str(mem, columns[i].name);
        columns[i].type = arena_str(mem, columns[i].type);
    }
    *columns_out = columns;
    *len_out = count;
    return frame_read_whole(&reader);
}

static bool is_of_files(const struct engine_job *job)
{
    return job->output == JOB_FILE || job->output == JOB_FILES;
}

static enum frame_end relay_columns(struct call *c, struct relay *r, str body)
{
    struct row_column *columns;
    size_t len;

    if (is_of_files(r->job) || r->has_columns)
        return call_hostile(c, "columns that nobody asked for"), FRAME_STOP;
    r->has_columns = true;
    if (!read_columns(c->t->mem, body, &columns, &len))
        return call_hostile(c, "malformed columns"), FRAME_STOP;
    r->has_begun = true;
    if (!r->sink->begin(c->t, r->sink->state, columns, len))
        call_interrupt(c);
    return FRAME_MORE;
}

static enum frame_end relay_bytes(struct call *c, struct relay *r, str body)
{
    if (r->job->output != JOB_ROWS || !r->has_columns)
        return call_hostile(c, "rows that nobody asked for"), FRAME_STOP;
    r->bytes += body.len;
    if (r->job->bytes_max != 0 && r->bytes > r->job->bytes_max) {
        task_fail(c->t, ERR_LIMIT, "the answer is larger than %" PRIu64 " bytes",
                  r->job->bytes_max);
        task_hint(c->t, "ask for less, or see the setting query_bytes_max");
        call_interrupt(c);
    } else if (!r->sink->bytes(c->t, r->sink->state, body)) {
        call_interrupt(c);
    }
    return FRAME_MORE;
}

static enum frame_end relay_progress(struct call *c, struct relay *r, str body)
{
    struct frame_reader reader = {.rest = body};
    uint32_t thousandths = frame_get_u32(&reader);

    uint64_t rows = frame_get_u64(&reader);
    frame_get_u64(&reader);
    if (!frame_read_whole(&reader) || (thousandths > 1000 && thousandths != THOUSANDTHS_UNKNOWN))
        return call_hostile(c, "malformed progress"), FRAME_STOP;
    r->rows = rows;
    struct row_progress progress = {.step = is_of_files(r->job) ? "write" : "run",
                                    .thousandths =
                                        thousandths == THOUSANDTHS_UNKNOWN ? -1 : (int)thousandths};
    if (r->sink != NULL && r->sink->progress != NULL
        && !r->sink->progress(c->t, r->sink->state, &progress))
        call_interrupt(c);
    return FRAME_MORE;
}

/* The file that the worker says it wrote: what counts is what lies there. */
static bool written_bytes(struct call *c, str file, uint64_t *bytes_out)
{
    struct arena_mark mark = arena_mark(c->t->mem);
    char *path = arena_c_string(c->t->mem, arena_format(c->t->mem, "out/" STR_FMT, STR_ARG(file)));
    struct stat state;
    bool ok =
        fstatat(c->w->folder_fd, path, &state, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(state.st_mode);

    arena_rewind(c->t->mem, mark);
    *bytes_out = ok ? (uint64_t)state.st_size : 0;
    return ok;
}

/* One number of rows a copy, and the files of those that have one. */
static bool read_written(struct call *c, struct relay *r, struct frame_reader *reader)
{
    const struct engine_job *job = r->job;
    uint32_t count = frame_get_count(reader, sizeof(uint64_t));

    for (uint32_t i = 0; i < count && i < job->copies.len && !reader->failed; i++) {
        struct job_written *written = vec_add(c->t->mem, &r->out->written);
        written->rows = frame_get_u64(reader);
        if (job->copies.at[i].file.len > 0
            && !written_bytes(c, job->copies.at[i].file, &written->bytes))
            return false;
    }
    return count == job->copies.len;
}

static enum frame_end relay_done(struct call *c, struct relay *r, str body)
{
    struct frame_reader reader = {.rest = body};
    uint64_t rows = frame_get_u64(&reader);
    uint64_t bytes = frame_get_u64(&reader);

    if (r->job->output == JOB_FILES && !read_written(c, r, &reader))
        return call_hostile(c, "an end without all files"), FRAME_STOP;
    if (!frame_read_whole(&reader))
        return call_hostile(c, "a malformed end"), FRAME_STOP;
    if (!is_of_files(r->job) && !r->has_columns)
        return call_hostile(c, "an end without columns"), FRAME_STOP;
    if (r->job->rows_max != 0 && rows > r->job->rows_max)
        return call_hostile(c, "more rows than were asked for"), FRAME_STOP;
    if (r->job->output == JOB_FILE && !written_bytes(c, r->job->file, &bytes))
        return call_hostile(c, "an end without the file"), FRAME_STOP;
    r->out->rows = rows;
    r->out->bytes = is_of_files(r->job) ? bytes : r->bytes;
    return FRAME_LAST;
}

static enum frame_end relay_frame(struct call *c, struct relay *r, const struct frame *frame)
{
    bool is_dropped = c->kill_at_ms != 0;

    switch (frame->kind) {
    case FRAME_COLUMNS:
        return is_dropped ? FRAME_MORE : relay_columns(c, r, frame->body);
    case FRAME_BYTES:
        return is_dropped ? FRAME_MORE : relay_bytes(c, r, frame->body);
    case FRAME_PROGRESS:
        return is_dropped ? FRAME_MORE : relay_progress(c, r, frame->body);
    case FRAME_DONE:
        if (!is_dropped)
            return relay_done(c, r, frame->body);
        /* Done before it heard of the interrupt, which may hit whatever it does next. */
        c->w->is_doomed = true;
        return FRAME_STOP;
    case FRAME_FAILED:
        call_failed(c, frame);
        return FRAME_STOP;
    default:
        call_hostile(c, "a frame that has no place here");
        return FRAME_STOP;
    }
}

static bool relay_all(struct call *c, struct relay *r)
{
    enum frame_end end = FRAME_MORE;

    while (end == FRAME_MORE) {
        struct frame frame;
        if (!call_next(c, &frame))
            return false;
        end = relay_frame(c, r, &frame);
    }
    return end == FRAME_LAST;
}

static bool send_job(struct call *c, const struct engine_job *job)
{
    struct buf b;

    buf_init(&b, FRAME_BYTES_MAX + FRAME_HEADER_BYTES);
    size_t begin = frame_begin(&b, FRAME_JOB);
    bool ok = job_pack(&b, job) && frame_end(&b, begin);
    if (!ok) {
        task_fail(c->t, ERR_LIMIT,
                  "the query and its tables do not fit into one job for the engine");
        task_hint(c->t, "one job may have %d bytes", (int)FRAME_BYTES_MAX);
    }
    ok = ok && call_begin(c, &b);
    buf_free(&b);
    return ok;
}

static bool run(struct task *t, struct worker *worker, const struct engine_job *job,
                struct row_sink *sink, struct job_result *out)
{
    struct call c = {.t = t, .w = worker, .text_len = job->text.len};
    struct relay r = {.job = job, .sink = sink, .out = out};

    CHECK(worker->magic == WORKER_MAGIC && worker->state == SLOT_LENT);
    CHECK(sink != NULL || is_of_files(job));
    CHECK(job->output != JOB_FILE || engine_is_file_name(job->file));
    CHECK(job->output != JOB_FILES || worker->kind == WORKER_CLEARING
          || worker->kind == WORKER_EXTRACT);
    for (size_t i = 0; i < job->copies.len; i++)
        CHECK(job->copies.at[i].file.len == 0 || engine_is_file_name(job->copies.at[i].file));
    *out = (struct job_result){0};
    worker->jobs++;
    bool ok = task_go_on(t) && engine_links_make(t, worker, job) && send_job(&c, job)
           && relay_all(&c, &r);
    /* What somebody got before it was broken off is got all the same. */
    if (!ok && job->output == JOB_ROWS)
        *out = (struct job_result){.rows = r.rows, .bytes = r.bytes};
    /* The links are the pins: from here the query holds nothing any more. */
    if (job->links.len > 0 && !engine_folder_clear(worker, false))
        worker->is_unclean = true; /* tried again before the next job and when it is given back */
    engine_wire_rest(worker);
    if (r.has_begun && ok)
        return sink->end(t, sink->state, out->rows);
    if (r.has_begun)
        sink->abort(t, sink->state);
    return ok;
}

bool engine_run(struct task *t, struct worker *worker, const struct engine_job *job,
                struct row_sink *sink, struct job_result *out)
{
    /* Statements of ours are for workers that run no text but ours. */
    CHECK(job->prepare.len == 0
          || (worker->kind != WORKER_CONSUMER && worker->kind != WORKER_BUILD));
    return run(t, worker, job, sink, out);
}

bool engine_run_uncleared(struct task *t, struct worker *worker, const struct engine_job *job,
                          struct row_sink *sink, struct job_result *out)
{
    CHECK(worker->kind == WORKER_CHECK || worker->kind == WORKER_CLEARING
          || worker->kind == WORKER_EXTRACT);
    return run(t, worker, job, sink, out);
}

str engine_output_path(struct task *t, const struct worker *worker, str name)
{
    CHECK(worker->magic == WORKER_MAGIC && engine_is_file_name(name));
    return arena_format(t->mem, STR_FMT "/out/" STR_FMT, STR_ARG(worker->folder), STR_ARG(name));
}
