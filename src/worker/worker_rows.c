#include "worker_job.h"

#include "clock/clock.h"
#include "encode/encode.h"
#include "worker_types.h"

enum {
    PART_BYTES = 256 * 1024,
    FIRST_MS = 20, /* what is there after this leaves, however little */
    ROW_BYTES_MAX = 1 << 30,
};

struct rows {
    struct worker_engine *e;
    const struct engine_job *job;
    struct encode *encode;
    struct batch_vector *vectors;
    size_t len;
    struct buf encoded;
    struct buf frame;
    int64_t begun_ms;
    bool has_sent;
    struct worker_progress progress;
};

static void free_rows(void *state)
{
    struct rows *r = state;
    buf_free(&r->encoded);
    buf_free(&r->frame);
}

static bool tick(struct task *t, void *state)
{
    struct rows *r = state;
    (void)t;
    worker_progress_send(&r->progress);
    return true;
}

/* ---- shapes */

static bool begin(struct task *t, struct rows *r, const struct worker_statement *statement)
{
    duckdb_result *result = (duckdb_result *)(uintptr_t)&statement->result;
    struct job_columns columns = {0};
    r->len = duckdb_column_count(result);
    r->vectors = ARENA_ARRAY(t->mem, struct batch_vector, r->len);
    struct row_column *row_columns = ARENA_ARRAY(t->mem, struct row_column, r->len);
    for (size_t i = 0; i < r->len; i++) {
        duckdb_logical_type type = worker_type_keep(t, duckdb_column_logical_type(result, i));
        struct job_column *column = vec_add(t->mem, &columns);
        column->name = arena_str(t->mem, str_of(duckdb_column_name(result, i)));
        column->type = worker_type_text(t, r->e, type);
        row_columns[i] = (struct row_column){column->name, column->type};
        if (!worker_vector_shape(t, type, column->name, &r->vectors[i]))
            return false;
    }
    if (!worker_send_columns(t, r->e, &columns))
        return false;
    r->encode = encode_new(t->mem, r->job->format, row_columns, r->len);
    encode_begin(r->encode, &r->encoded);
    return true;
}

/* ---- bytes */

static bool check_bytes(struct task *t, struct rows *r)
{
    uint64_t most = r->job->bytes_max;
    if (!r->encoded.full && (!most || r->progress.bytes + r->encoded.len <= most))
        return true;
    if (r->encoded.full)
        return task_fail(t, ERR_LIMIT, "a row takes more than %d bytes", ROW_BYTES_MAX);
    task_fail(t, ERR_LIMIT, "the answer takes more than %llu bytes", (unsigned long long)most);
    return task_hint(t, "ask for fewer rows or columns, or raise query_bytes_max");
}

/* All that is encoded, in frames that leave the server room to send them on. */
static bool send_encoded(struct task *t, struct rows *r)
{
    if (!check_bytes(t, r))
        return false;
    str rest = buf_str(&r->encoded);
    while (rest.len) {
        str part = str_sub(rest, 0, rest.len < PART_BYTES ? rest.len : PART_BYTES);
        buf_clear(&r->frame);
        size_t at = frame_begin(&r->frame, FRAME_BYTES);
        buf_add(&r->frame, part);
        CHECK(frame_end(&r->frame, at));
        worker_link_send(r->e->link, &r->frame);
        rest = str_from(rest, part.len);
    }
    r->progress.bytes += r->encoded.len;
    r->has_sent = r->has_sent || r->encoded.len;
    buf_clear(&r->encoded);
    return true;
}

static bool check_rows(struct task *t, const struct rows *r, uint64_t more)
{
    uint64_t most = r->job->rows_max;
    if (!most || r->progress.rows + more <= most)
        return true;
    task_fail(t, ERR_LIMIT, "the answer has more than %llu rows", (unsigned long long)most);
    return task_hint(t, "add a LIMIT or a filter, or raise %s",
                     r->job->rows_max_is_asked ? "--max-rows (rows_max of an HTTP call)"
                                               : "the setting query_rows_max");
}

static bool encode_chunk(struct task *t, struct rows *r, duckdb_data_chunk chunk)
{
    struct batch batch = {r->vectors, r->len, duckdb_data_chunk_get_size(chunk)};
    if (!check_rows(t, r, batch.rows))
        return false;
    for (size_t i = 0; i < r->len; i++)
        worker_vector_fill(&r->vectors[i], duckdb_data_chunk_get_vector(chunk, i), batch.rows);
    for (uint64_t row = 0; row < batch.rows;) {
        encode_rows(r->encode, &batch, &row, PART_BYTES, &r->encoded);
        if ((r->encoded.len >= PART_BYTES || r->encoded.full) && !send_encoded(t, r))
            return false;
    }
    r->progress.rows += batch.rows;
    /* Someone waits for the first rows; later ones may as well fill a frame. */
    if (!r->has_sent || clock_monotonic_ms() - r->begun_ms < FIRST_MS)
        return send_encoded(t, r);
    return true;
}

static bool stream(struct task *t, struct rows *r, struct worker_statement *statement)
{
    for (;;) {
        duckdb_data_chunk chunk = NULL;
        if (!worker_fetch(t, r->e, statement, &chunk))
            return false;
        if (!chunk)
            break;
        /* What a chunk's rows take of the task's memory is given back with it. */
        struct arena_mark mark = arena_mark(t->mem);
        bool ok = encode_chunk(t, r, chunk);
        duckdb_destroy_data_chunk(&chunk);
        if (!ok)
            return false;
        arena_rewind(t->mem, mark);
        worker_progress_send(&r->progress);
    }
    encode_end(r->encode, &r->encoded);
    return send_encoded(t, r);
}

bool worker_rows(struct task *t, struct worker_engine *e, const struct engine_job *job,
                 struct job_result *out)
{
    struct rows *r = ARENA_NEW(t->mem, struct rows);
    struct worker_statement *statement;
    *r = (struct rows){.e = e, .job = job, .begun_ms = clock_monotonic_ms()};
    r->progress = (struct worker_progress){.e = e, .last_ms = r->begun_ms};
    buf_init(&r->encoded, ROW_BYTES_MAX);
    buf_init(&r->frame, frame_bytes_max(FRAME_BYTES) + FRAME_HEADER_BYTES);
    arena_defer(t->mem, free_rows, r);
    if (!worker_prepare_text(t, e, job, &statement) || !worker_run(t, e, statement, true, tick, r)
        || !begin(t, r, statement) || !stream(t, r, statement))
        return false;
    worker_statement_close(t, statement);
    *out = (struct job_result){.rows = r->progress.rows, .bytes = r->progress.bytes};
    return true;
}
