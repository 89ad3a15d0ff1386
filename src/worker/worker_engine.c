#include "worker_engine.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <time.h>

#include "clock/clock.h"
#include "limits/limits.h"
#include "sql/sql.h"
#include "worker_csv.h"
#include "worker_footers.h"
#include "worker_hash.h"
#include "worker_match.h"
#include "worker_types.h"
#include "worker_views.h"

/* ---- opening */

static bool configure(struct task *t, duckdb_config config, const char *name, const char *value)
{
    if (duckdb_set_config(config, name, value) == DuckDBSuccess)
        return true;
    return task_fail(t, ERR_CONFIG, "the engine takes no setting %s = %s", name, value);
}

/* By name and value, before the database is there. */
static bool configure_all(struct task *t, const struct worker_options *options,
                          const char *extensions, duckdb_config config)
{
    /* What sorts and writes holds more than the engine counts: for that something is left. */
    uint64_t left_mb = worker_kind_writes(options->kind) ? options->memory_mb / 16 : 0;
    str memory =
        arena_format(t->mem, "%lluMiB", (unsigned long long)(options->memory_mb - left_mb));
    str temp = arena_format(t->mem, "%lluMiB", (unsigned long long)options->temp_mb);
    str threads = arena_format(t->mem, "%llu", (unsigned long long)options->threads);
    const char *settings[][2] = {
        {"memory_limit", memory.ptr},
        {"max_temp_directory_size", temp.ptr},
        {"temp_directory", "tmp"},
        {"threads", threads.ptr},
        {"extension_directory", extensions ? extensions : "tmp/none"},
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        {"allow_community_extensions", "false"},
        /* The extension for PostgreSQL wants the storage to be there, if only as an empty folder. */
        {"allow_persistent_secrets", options->kind == WORKER_EXTRACT ? "true" : "false"},
        {"secret_directory", "tmp/none"},
        {"errors_as_json", "true"},
        /* What a job needed and freed goes back to the system while the worker rests. */
        {"allocator_background_threads", "true"},
        /* Files of releases must be the same bytes each time they are made; a reader who wants an order says so. */
        {"preserve_insertion_order", options->kind == WORKER_CONSUMER ? "false" : "true"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (!configure(t, config, settings[i][0], settings[i][1]))
            return false;
    return true;
}

static bool open_database(struct task *t, struct worker_engine *e, const char *extensions)
{
    duckdb_config config;
    char *said = NULL;
    if (duckdb_create_config(&config) != DuckDBSuccess)
        return task_fail(t, ERR_ENGINE, "the engine has no settings");
    bool ok = configure_all(t, e->options, extensions, config);
    if (ok && duckdb_open_ext(":memory:", &e->db, config, &said) != DuckDBSuccess)
        ok = worker_fail(t, &e->secrets, said ? said : "", (struct worker_span){0});
    duckdb_free(said);
    duckdb_destroy_config(&config);
    if (ok && duckdb_connect(e->db, &e->con) != DuckDBSuccess)
        ok = task_fail(t, ERR_ENGINE, "the engine takes no connection");
    return ok;
}

static bool execute_all(struct task *t, struct worker_engine *e, const char *const *statements,
                        size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!worker_execute(t, e, str_of(statements[i])))
            return false;
    return true;
}

/* What each connection needs. */
static bool settle_connection(struct task *t, struct worker_engine *e)
{
    static const char *const of_all[] = {
        "SET TimeZone = 'UTC'",
        "SET max_expression_depth = 250",
        "SET enable_progress_bar = true",
        "SET enable_progress_bar_print = false",
    };
    if (!execute_all(t, e, of_all, sizeof of_all / sizeof *of_all))
        return false;
    /* Our texts there guard each column by itself: to look for what these have in common takes the square of their number. */
    return e->options->kind != WORKER_EXTRACT
        || worker_execute(t, e, STR("SET disabled_optimizers = 'common_subexpressions'"));
}

/* List options are refused by duckdb_set_config, and some are of the connection: these go by SQL. The order matters: the last
 * two shut the door. An extract worker keeps it open for LOAD and ATTACH: it runs no text but ours, and the sandbox stands. */
static bool settle(struct task *t, struct worker_engine *e)
{
    static const char *const for_reading[] = {"SET allowed_directories = ['in/', 'tmp/']"};
    static const char *const for_writing[] = {"SET allowed_directories = ['in/', 'tmp/', 'out/']"};
    /* A consumer's names in `in/` are made of the paths of immutable files, so a footer that was read once holds. */
    static const char *const of_consumers[] = {"SET parquet_metadata_cache = true"};
    static const char *const shut[] = {"SET enable_external_access = false",
                                       "SET lock_configuration = true"};
    enum worker_kind kind = e->options->kind;
    if (!settle_connection(t, e))
        return false;
    if (kind == WORKER_EXTRACT)
        return true;
    if (kind == WORKER_CONSUMER && !execute_all(t, e, of_consumers, 1))
        return false;
    return execute_all(t, e, worker_kind_writes(kind) ? for_writing : for_reading, 1)
        && execute_all(t, e, shut, sizeof shut / sizeof *shut);
}

static bool prepare_parse(struct task *t, struct worker_engine *e)
{
    if (duckdb_prepare(e->con, "SELECT json_serialize_sql($1::VARCHAR)", &e->parse)
        != DuckDBSuccess)
        return worker_fail(t, &e->secrets, duckdb_prepare_error(e->parse), (struct worker_span){0});
    return true;
}

/* For texts of ours alone. */
static bool open_functions(struct task *t, struct worker_engine *e)
{
    bool has_texts = !worker_kind_runs_cleared(e->options->kind);
    bool has_sources = e->options->kind == WORKER_EXTRACT;
    return ((!has_texts || worker_match_open(e->con)) && (!has_sources || worker_csv_open(e->con)))
        || task_fail(t, ERR_ENGINE, "the engine takes no function of ours");
}

bool worker_engine_open(struct task *t, const struct worker_options *options,
                        const char *extensions, struct worker_link *link, struct worker_engine *out)
{
    *out = (struct worker_engine){.options = options, .link = link, .mem = arena_new()};
    out->secrets.mem = out->mem;
    out->secrets.hides_files = options->kind != WORKER_EXTRACT;
    out->views = worker_views_new(out->mem);
    out->footers = worker_footers_new(out->mem);
    return open_database(t, out, extensions) && settle(t, out) && worker_types_open(t, out)
        && worker_hash_open(t, out) && open_functions(t, out) && prepare_parse(t, out);
}

bool worker_engine_join(struct task *t, const struct worker_engine *e, struct worker_engine *out)
{
    *out = *e;
    if (duckdb_connect(e->db, &out->con) != DuckDBSuccess)
        return task_fail(t, ERR_ENGINE, "the engine takes no second connection");
    if (settle_connection(t, out))
        return true;
    worker_engine_part(out);
    return false;
}

void worker_engine_part(struct worker_engine *joined)
{
    duckdb_result result;
    /* Where the source is gone this fails. Left to the end of the connection, that failure would end the process. */
    (void)duckdb_query(joined->con, "ROLLBACK", &result);
    duckdb_destroy_result(&result);
    duckdb_disconnect(&joined->con);
}

void worker_engine_interrupt(void *engine)
{
    struct worker_engine *e = engine;
    duckdb_interrupt(e->con);
}

bool worker_go_on(struct task *t, const struct worker_engine *e)
{
    if (atomic_load(&e->link->is_cancelled))
        return task_fail(t, ERR_CANCELLED, "the query was cancelled");
    return true;
}

/* ---- statements of ours */

bool worker_execute(struct task *t, struct worker_engine *e, str sql)
{
    duckdb_result result;
    bool ok = duckdb_query(e->con, arena_c_string(t->mem, sql), &result) == DuckDBSuccess;
    if (!ok)
        worker_fail(t, &e->secrets, duckdb_result_error(&result), (struct worker_span){0});
    duckdb_destroy_result(&result);
    return ok;
}

/* ---- parsing */

/* The one text of the one row. */
static bool read_text(struct task *t, duckdb_data_chunk chunk, str *out)
{
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, 0);
    uint64_t *valid = duckdb_vector_get_validity(vector);
    duckdb_string_t *texts = duckdb_vector_get_data(vector);
    if (duckdb_data_chunk_get_size(chunk) != 1 || (valid && !(valid[0] & 1)))
        return task_fail(t, ERR_SYNTAX, "the text is not one SELECT");
    str json = {duckdb_string_t_data(texts), duckdb_string_t_length(*texts)};
    if (json.len > SQL_TREE_BYTES_MAX - 8)
        return task_fail(t, ERR_LIMIT, "the tree of the text takes more than %d bytes",
                         SQL_TREE_BYTES_MAX);
    *out = arena_str(t->mem, json);
    return true;
}

bool worker_parse(struct task *t, struct worker_engine *e, str sql, str *json_out)
{
    if (sql.len > SQL_BYTES_MAX)
        return task_fail(t, ERR_LIMIT, "the text takes more than %d bytes", SQL_BYTES_MAX);
    if (!str_is_utf8(sql))
        return task_fail(t, ERR_SYNTAX, "the text is not valid UTF-8, or holds a NUL");
    duckdb_result result;
    duckdb_bind_varchar_length(e->parse, 1, sql.ptr, sql.len);
    if (duckdb_execute_prepared(e->parse, &result) != DuckDBSuccess) {
        worker_fail(t, &e->secrets, duckdb_result_error(&result), (struct worker_span){0});
        duckdb_destroy_result(&result);
        return false;
    }
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    bool ok =
        chunk ? read_text(t, chunk, json_out) : task_fail(t, ERR_ENGINE, "the engine gave no tree");
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_result(&result);
    /* What the parser found wrong stands in the answer, not in an error of the call. */
    if (!ok || !str_starts(*json_out, STR("{\"error\":true")))
        return ok;
    worker_fail(t, &e->secrets, json_out->ptr, (struct worker_span){0, sql.len});
    if (t->err.code == ERR_REFUSED)
        return task_fail(t, ERR_SYNTAX, "the text is no SELECT");
    return false;
}

/* ---- statements with rows */

static void close_statement(void *state)
{
    struct worker_statement *statement = state;
    /* What is given up half-way would otherwise be run to its end before anything else. */
    if (statement->is_running)
        duckdb_interrupt(statement->con);
    if (statement->has_result)
        duckdb_destroy_result(&statement->result);
    duckdb_destroy_pending(&statement->pending);
    duckdb_destroy_prepare(&statement->prepared);
}

static bool refuse_parameter(struct task *t, str text)
{
    str name;
    size_t offset;
    if (!sql_find_parameter(text, &name, &offset))
        return task_fail(t, ERR_SYNTAX, "the text has parameters, and none are given");
    task_fail(t, ERR_SYNTAX, "the parameter " STR_FMT " has no value", STR_ARG(name));
    task_hint(t, "write the value in its place");
    return task_position(t, (uint32_t)offset + 1);
}

bool worker_prepare(struct task *t, struct worker_engine *e, str sql, struct worker_span span,
                    struct worker_statement **out)
{
    if (!worker_go_on(t, e))
        return false;
    struct worker_statement *statement = ARENA_NEW(t->mem, struct worker_statement);
    statement->span = span;
    statement->con = e->con;
    arena_defer(t->mem, close_statement, statement);
    /* After a failure the statement can be asked for its error and nothing else. */
    if (duckdb_prepare(e->con, arena_c_string(t->mem, sql), &statement->prepared)
        != DuckDBSuccess) {
        const char *said = duckdb_prepare_error(statement->prepared);
        return worker_fail(t, &e->secrets, said ? said : "", span);
    }
    if (duckdb_nparams(statement->prepared))
        return refuse_parameter(t, str_sub(sql, span.start, span.len));
    *out = statement;
    return true;
}

static uint64_t bytes_below(const char *folder)
{
    uint64_t bytes = 0;
    struct stat info;
    struct dirent *entry;
    DIR *listing = opendir(folder);
    while (listing && (entry = readdir(listing)))
        if (fstatat(dirfd(listing), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0
            && S_ISREG(info.st_mode))
            bytes += (uint64_t)info.st_blocks * 512;
    if (listing)
        closedir(listing);
    return bytes;
}

/* The engine's own limit does not hold: under 64 MB it wrote 460, and each of its files may grow to the limit of one file. */
static bool check_spill(struct task *t, struct worker_engine *e)
{
    enum { LOOK_EVERY_MS = 50, MB = 1024 * 1024 };
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms - e->spill_looked_ms < LOOK_EVERY_MS)
        return true;
    e->spill_looked_ms = now_ms;
    if (bytes_below("tmp") <= e->options->temp_mb * MB)
        return true;
    task_fail(t, ERR_LIMIT, "the query needs more space for spilling than a worker may take");
    return task_hint(t, "ask for less at once: fewer columns, a filter, or an aggregate; or set "
                        "worker_temp_mb higher");
}

/* Other threads work. A short query should not wait for us, a long one not be disturbed: the pause is a part of the time so far. */
static void rest(int64_t begun_us)
{
    enum { PART = 8, LEAST_US = 20, MOST_US = 1000 };
    int64_t us = (clock_monotonic_us() - begun_us) / PART;
    if (us < LEAST_US) {
        sched_yield();
        return;
    }
    struct timespec pause = {.tv_nsec = (us < MOST_US ? us : MOST_US) * 1000};
    nanosleep(&pause, NULL);
}

/* An interrupt that came between two of our calls is forgotten by the engine: the link remembers it. */
static bool run_tasks(struct task *t, struct worker_engine *e, struct worker_statement *statement,
                      bool (*tick)(struct task *t, void *state), void *state)
{
    int64_t begun_us = clock_monotonic_us();
    for (;;) {
        if (!worker_go_on(t, e) || !check_spill(t, e) || (tick && !tick(t, state)))
            return false;
        duckdb_pending_state now = duckdb_pending_execute_task(statement->pending);
        if (now == DUCKDB_PENDING_ERROR)
            return worker_fail(t, &e->secrets, duckdb_pending_error(statement->pending),
                               statement->span);
        if (duckdb_pending_execution_is_finished(now))
            return true;
        if (now == DUCKDB_PENDING_NO_TASKS_AVAILABLE)
            rest(begun_us);
    }
}

bool worker_run(struct task *t, struct worker_engine *e, struct worker_statement *statement,
                bool streaming, bool (*tick)(struct task *t, void *state), void *state)
{
    duckdb_state begun =
        streaming ? duckdb_pending_prepared_streaming(statement->prepared, &statement->pending)
                  : duckdb_pending_prepared(statement->prepared, &statement->pending);
    if (begun != DuckDBSuccess)
        return worker_fail(t, &e->secrets, duckdb_pending_error(statement->pending),
                           statement->span);
    statement->is_running = true;
    if (!run_tasks(t, e, statement, tick, state))
        return false;
    statement->is_running = streaming;
    statement->has_result = true;
    if (duckdb_execute_pending(statement->pending, &statement->result) != DuckDBSuccess)
        return worker_fail(t, &e->secrets, duckdb_result_error(&statement->result),
                           statement->span);
    return true;
}

bool worker_fetch(struct task *t, struct worker_engine *e, struct worker_statement *statement,
                  duckdb_data_chunk *out)
{
    if (!worker_go_on(t, e) || !check_spill(t, e))
        return false;
    *out = duckdb_fetch_chunk(statement->result);
    if (*out)
        return true;
    statement->is_running = false;
    const char *said = duckdb_result_error(&statement->result);
    if (said && said[0])
        return worker_fail(t, &e->secrets, said, statement->span);
    return true;
}

void worker_statement_close(struct task *t, struct worker_statement *statement)
{
    arena_close(t->mem, statement);
}
