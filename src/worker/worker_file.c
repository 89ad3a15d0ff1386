#include "worker_job.h"

#include <sys/stat.h>
#include <unistd.h>

#include "log/log.h"
#include "map/map.h"
#include "worker_types.h"

enum {
    STATEMENT_BYTES_MAX = 16 * 1024 * 1024,
    ROWS_OF_A_PIECE = 16 * 1024, /* what is sorted, and read in part by those who sort on */
};

struct file {
    const struct engine_job *job;
    const char *path;
    struct worker_progress progress;
    const atomic_bool *is_over; /* of several at once: one has failed. NULL: it is made alone */
    bool is_silent;             /* another tells how far all are */
};

static uint64_t size_of(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
}

/* Looked at when progress is due: often enough for a disk. */
static bool tick(struct task *t, void *state)
{
    struct file *file = state;
    if (file->is_over && atomic_load(file->is_over))
        return task_fail(t, ERR_CANCELLED, "another file could not be made");
    if (file->is_silent)
        return true;
    int64_t before_ms = file->progress.last_ms;
    worker_progress_send(&file->progress);
    if (file->progress.last_ms == before_ms)
        return true;
    file->progress.bytes = size_of(file->path);
    if (file->job->bytes_max && file->progress.bytes > file->job->bytes_max)
        return task_fail(t, ERR_LIMIT, "the file takes more than %llu bytes",
                         (unsigned long long)file->job->bytes_max);
    return true;
}

/* ---- columns */

static bool check_column(struct task *t, const struct str_list *names, const struct map *counts,
                         const struct job_column *column)
{
    size_t count = (size_t)(uintptr_t)map_find(counts, column->name);
    if (count > 1)
        return task_fail(t, ERR_TYPE, "the result has %zu columns named " STR_FMT, count,
                         STR_ARG(column->name));
    if (!worker_type_is_safe(column->type))
        return task_fail(t, ERR_INTERNAL,
                         "column " STR_FMT " has no type that can be written: " STR_FMT,
                         STR_ARG(column->name), STR_ARG(column->type));
    if (count)
        return true;
    str near = str_list_nearest(names, column->name);
    str all = str_list_join(t->mem, names, STR(", "));
    task_fail(t, ERR_UNKNOWN_COLUMN, "the result has no column " STR_FMT, STR_ARG(column->name));
    if (near.len)
        task_hint(t, "did you mean " STR_FMT "? The text can name a column by AS", STR_ARG(near));
    return task_detail(t, "it has " STR_FMT, STR_ARG(all));
}

static bool check_columns(struct task *t, const struct str_list *names,
                          const struct job_columns *columns)
{
    struct map counts;
    map_init_nocase(&counts, t->mem);
    for (size_t i = 0; i < names->len; i++) {
        uintptr_t before = (uintptr_t)map_find(&counts, names->at[i]);
        map_put(&counts, names->at[i], (void *)(before + 1));
    }
    for (size_t i = 0; i < columns->len; i++)
        if (!check_column(t, names, &counts, &columns->at[i]))
            return false;
    return true;
}

/* Integers of 128 bits would be stored as doubles. */
static bool check_exact(struct task *t, const struct job_columns *columns)
{
    for (size_t i = 0; i < columns->len; i++) {
        str type = columns->at[i].type;
        if (str_find(type, STR("HUGEINT")) == type.len && str_find(type, STR("BIGNUM")) == type.len)
            continue;
        task_fail(t, ERR_TYPE,
                  "column " STR_FMT " of type " STR_FMT " cannot be stored without loss",
                  STR_ARG(columns->at[i].name), STR_ARG(type));
        return task_hint(t, "cast it to BIGINT or DECIMAL(38,0)");
    }
    return true;
}

/* ---- the statement */

static void add_casts(struct buf *sql, const struct job_columns *columns)
{
    for (size_t i = 0; i < columns->len; i++) {
        buf_add(sql, i ? STR(", CAST(result.") : STR("CAST(result."));
        buf_add_identifier(sql, columns->at[i].name);
        buf_add(sql, STR(" AS "));
        buf_add(sql, columns->at[i].type);
        buf_add(sql, STR(") AS "));
        buf_add_identifier(sql, columns->at[i].name);
    }
}

static void add_field_ids(struct buf *sql, const struct job_columns *columns)
{
    bool first = true;
    for (size_t i = 0; i < columns->len; i++) {
        if (!columns->at[i].id)
            continue;
        buf_add(sql, first ? STR(", FIELD_IDS {") : STR(", "));
        buf_add_identifier(sql, columns->at[i].name);
        buf_format(sql, ": %u", columns->at[i].id);
        first = false;
    }
    if (!first)
        buf_add_byte(sql, '}');
}

/* The text stands on lines of its own: it may end in a comment. */
static str make_copy(struct task *t, str text, const struct job_columns *columns,
                     enum job_packing packing, int group_rows, const char *path,
                     struct worker_span *span)
{
    static const char *const packings[] = {"zstd", "snappy", "uncompressed"};
    struct buf *sql = buf_new(t->mem, STATEMENT_BYTES_MAX);
    buf_add(sql, STR("COPY (\n"));
    if (columns->len) {
        buf_add(sql, STR("SELECT "));
        add_casts(sql, columns);
        buf_add(sql, STR(" FROM (\n"));
    }
    *span = (struct worker_span){sql->len, text.len};
    buf_add(sql, text);
    if (columns->len)
        buf_add(sql, STR("\n) AS result"));
    buf_add(sql, STR("\n) TO "));
    buf_add_literal(sql, str_of(path));
    buf_format(sql, " (FORMAT parquet, COMPRESSION %s, USE_TMP_FILE false", packings[packing]);
    if (group_rows)
        buf_format(sql, ", ROW_GROUP_SIZE %d", group_rows);
    add_field_ids(sql, columns);
    buf_add_byte(sql, ')');
    return buf_str(sql);
}

/* The text alone comes first: its errors then speak of it and of nothing around it. */
static bool check_text(struct task *t, struct worker_engine *e, const struct engine_job *job)
{
    struct worker_statement *statement;
    struct str_list names;
    struct job_columns given = {0};
    if (!worker_prepare_text(t, e, job, &statement))
        return false;
    worker_result_names(t, statement, &names);
    if (!job->columns.len)
        worker_result_columns(t, e, statement, &given);
    worker_statement_close(t, statement);
    return check_columns(t, &names, &job->columns)
        && check_exact(t, job->columns.len ? &job->columns : &given);
}

static uint64_t count_of(struct worker_statement *statement)
{
    uint64_t rows = 0;
    duckdb_data_chunk chunk = duckdb_fetch_chunk(statement->result);
    if (chunk && duckdb_data_chunk_get_size(chunk))
        rows = *(uint64_t *)duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
    duckdb_destroy_data_chunk(&chunk);
    return rows;
}

static bool write_file(struct task *t, struct worker_engine *e, struct file *file,
                       struct job_result *out)
{
    const struct engine_job *job = file->job;
    struct worker_statement *statement;
    struct worker_span span;
    str sql = make_copy(t, job->text, &job->columns, job->packing, 0, file->path, &span);
    if (!worker_prepare(t, e, sql, span, &statement)
        || !worker_run(t, e, statement, false, tick, file))
        return false;
    *out = (struct job_result){.rows = count_of(statement), .bytes = size_of(file->path)};
    worker_statement_close(t, statement);
    if (job->rows_max && out->rows > job->rows_max)
        return task_fail(t, ERR_LIMIT, "the result has more than %llu rows",
                         (unsigned long long)job->rows_max);
    if (job->bytes_max && out->bytes > job->bytes_max)
        return task_fail(t, ERR_LIMIT, "the file takes more than %llu bytes",
                         (unsigned long long)job->bytes_max);
    return true;
}

bool worker_file(struct task *t, struct worker_engine *e, const struct engine_job *job,
                 struct job_result *out)
{
    struct file file = {.job = job,
                        .path = arena_format(t->mem, "out/" STR_FMT, STR_ARG(job->file)).ptr};
    file.progress = (struct worker_progress){.e = e};
    if (!worker_kind_writes(e->options->kind))
        return task_fail(t, ERR_REFUSED, "a worker of kind %s writes no files",
                         worker_kind_name(e->options->kind));
    if (!check_text(t, e, job))
        return false;
    if (write_file(t, e, &file, out))
        return true;
    /* Half a file is of no use to anyone. */
    (void)unlink(file.path);
    return false;
}

/* ---- several files */

/* A statement of ours: its errors go to the log of the server, and to nobody else. */
static bool run_step(struct task *t, struct worker_engine *e, str sql, struct file *file,
                     uint64_t *rows_out)
{
    struct worker_statement *statement;
    if (!worker_prepare(t, e, sql, (struct worker_span){0}, &statement)
        || !worker_run(t, e, statement, false, tick, file))
        return false;
    if (rows_out)
        *rows_out = count_of(statement);
    worker_statement_close(t, statement);
    return true;
}

static bool stage(struct task *t, struct worker_engine *e, const struct job_copy *copy,
                  struct file *file)
{
    str sql = arena_format(t->mem, "CREATE OR REPLACE TEMP TABLE staged AS\n" STR_FMT,
                           STR_ARG(copy->text));
    return run_step(t, e, sql, file, NULL);
}

static bool write_copy(struct task *t, struct worker_engine *e, const struct engine_job *job,
                       const struct job_copy *copy, struct file *file, struct job_written *out)
{
    struct worker_span span;
    file->path = arena_format(t->mem, "out/" STR_FMT, STR_ARG(copy->file)).ptr;
    str sql = make_copy(t, copy->text, &job->layouts.at[copy->layout], job->packing,
                        job->packing == PACKED_WELL ? 0 : ROWS_OF_A_PIECE, file->path, &span);
    if (!run_step(t, e, sql, file, &out->rows))
        return false;
    out->bytes = size_of(file->path);
    return true;
}

static bool write_in_turn(struct task *t, struct worker_engine *e, const struct engine_job *job,
                          struct job_result *out)
{
    struct file file = {.job = job, .path = "out", .progress = {.e = e}};
    bool ok = true;
    for (size_t i = 0; ok && i < job->copies.len; i++) {
        const struct job_copy *copy = &job->copies.at[i];
        struct job_written *written = vec_add(t->mem, &out->written);
        ok = worker_go_on(t, e)
          && (copy->file.len ? write_copy(t, e, job, copy, &file, written)
                             : stage(t, e, copy, &file));
        out->rows += written->rows;
        out->bytes += written->bytes;
    }
    /* What was staged goes at once: it may be all of a table. After a failure the files go with the job's folder. */
    return ok && worker_execute(t, e, STR("DROP TABLE IF EXISTS staged"));
}

/* ---- several files at once: while one connection packs what it has read, the source goes on for the other */

enum { SIDE_STACK_BYTES = 16 * 1024 * 1024 };

struct shares {
    const struct engine_job *job;
    struct job_written *written;
    atomic_size_t begun, ended;
    atomic_bool is_over; /* one has failed */
};

struct side {
    struct shares *shares;
    struct worker_engine *e;
    struct task *t;
    bool is_second;
    bool ok;
    bool is_cause; /* of the end of both */
};

static bool take_shares(struct side *side)
{
    struct shares *shares = side->shares;
    const struct engine_job *job = shares->job;
    struct file file = {
        .job = job,
        .progress = {.e = side->e, .ended = &shares->ended, .steps = job->copies.len},
        .is_over = &shares->is_over,
        .is_silent = side->is_second,
    };
    for (;;) {
        size_t next = atomic_fetch_add(&shares->begun, 1);
        struct arena_mark mark = arena_mark(side->t->mem);
        if (next >= job->copies.len)
            return true;
        if (!worker_go_on(side->t, side->e)
            || !write_copy(side->t, side->e, job, &job->copies.at[next], &file,
                           &shares->written[next]))
            return false;
        arena_rewind(side->t->mem, mark);
        atomic_fetch_add(&shares->ended, 1);
    }
}

static void *run_side(void *state)
{
    struct side *side = state;
    side->ok = take_shares(side);
    side->is_cause = !side->ok && !atomic_exchange(&side->shares->is_over, true);
    return NULL;
}

static bool start_side(struct side *side, pthread_t *thread_out)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes))
        return false;
    bool ok = pthread_attr_setstacksize(&attributes, SIDE_STACK_BYTES) == 0
           && pthread_create(thread_out, &attributes, run_side, side) == 0;
    pthread_attr_destroy(&attributes);
    return ok;
}

static bool join_beside(struct task *t, const struct worker_engine *e, const struct engine_job *job,
                        struct worker_engine *out)
{
    bool ok = worker_engine_join(t, e, out);
    if (!ok)
        return false;
    for (size_t i = 0; ok && i < job->beside.len; i++)
        ok = worker_execute(t, out, job->beside.at[i]);
    if (!ok)
        worker_engine_part(out);
    return ok;
}

static bool run_sides(struct side *first, struct side *second, struct worker_engine *joined)
{
    pthread_t thread;
    second->t = task_new();
    second->e = joined;
    bool has_second = start_side(second, &thread);
    run_side(first);
    if (has_second)
        pthread_join(thread, NULL);
    if (has_second && second->is_cause)
        task_fail_as(first->t, &second->t->err);
    /* Its results and statements close before its connection does. */
    task_free(second->t);
    worker_engine_part(joined);
    return first->ok && (!has_second || second->ok);
}

static bool write_at_once(struct task *t, struct worker_engine *e, const struct engine_job *job,
                          struct job_result *out)
{
    struct shares shares = {.job = job};
    struct side first = {.shares = &shares, .e = e, .t = t};
    struct side second = {.shares = &shares, .is_second = true};
    struct worker_engine joined;
    bool ok;
    for (size_t i = 0; i < job->copies.len; i++)
        *vec_add(t->mem, &out->written) = (struct job_written){0};
    shares.written = out->written.at;
    if (job->beside.len && job->copies.len > 1 && join_beside(t, e, job, &joined)) {
        ok = run_sides(&first, &second, &joined);
    } else {
        if (worker_is_fatal(t->err.code))
            return false;
        /* As where a role may have one connection and no more: it takes longer, and is the same. */
        if (t->err.code != ERR_NONE)
            log_event(LOG_WARN, "worker", t, "reads with one connection alone: %s",
                      error_name(t->err.code));
        task_clear_error(t);
        run_side(&first);
        ok = first.ok;
    }
    for (size_t i = 0; i < job->copies.len; i++) {
        out->rows += out->written.at[i].rows;
        out->bytes += out->written.at[i].bytes;
    }
    return ok;
}

bool worker_files(struct task *t, struct worker_engine *e, const struct engine_job *job,
                  struct job_result *out)
{
    switch ((int)e->options->kind) {
    case WORKER_CLEARING:
        return write_in_turn(t, e, job, out);
    case WORKER_EXTRACT:
        return write_at_once(t, e, job, out);
    default:
        return task_fail(t, ERR_REFUSED, "a worker of kind %s writes no copies",
                         worker_kind_name(e->options->kind));
    }
}
