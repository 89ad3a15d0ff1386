#include "worker_footers.h"

#include <sys/stat.h>

#include "map/map.h"
#include "worker_types.h"

enum {
    FILES_MAX = 4,    /* of more files, looking costs more than it saves */
    KNOWN_MAX = 4096, /* files; then we forget them all */
    PATH_BYTES = 1024,
};

struct worker_footers {
    struct arena *mem;
    struct map known; /* a file's identity -> str *, its columns, empty where they are nested */
};

static void free_footers(void *footers)
{
    arena_free(((struct worker_footers *)footers)->mem);
}

struct worker_footers *worker_footers_new(struct arena *mem)
{
    struct worker_footers *footers = ARENA_NEW(mem, struct worker_footers);
    footers->mem = arena_new();
    map_init(&footers->known, footers->mem);
    arena_defer(mem, free_footers, footers);
    return footers;
}

static void forget(struct worker_footers *footers)
{
    arena_free(footers->mem);
    footers->mem = arena_new();
    map_init(&footers->known, footers->mem);
}

/* Names below in/ may mean other files tomorrow; an inode with size and time does not. Its change time does not count: every link
 * that the server makes for a job moves it. */
static bool identity_of(struct task *t, str name, str *out)
{
    struct stat info;
    if (stat(arena_format(t->mem, "in/" STR_FMT, STR_ARG(name)).ptr, &info))
        return false;
    *out =
        arena_format(t->mem, "%llx:%llx:%llx:%llx.%lx", (unsigned long long)info.st_dev,
                     (unsigned long long)info.st_ino, (unsigned long long)info.st_size,
                     (unsigned long long)info.st_mtim.tv_sec, (unsigned long)info.st_mtim.tv_nsec);
    return true;
}

/* One line for each column, as `id type name`, or nothing where some are nested. */
static str read_columns(struct task *t, struct worker_engine *e, str name)
{
    struct buf *sql = buf_new(t->mem, PATH_BYTES);
    str columns = STR_NONE;
    buf_add(sql, STR("SELECT CASE WHEN bool_or(num_children > 0) THEN '' ELSE "
                     "string_agg(coalesce(field_id, 0) || ' ' || "
                     "duckdb_type || ' ' || name, chr(10) ORDER BY column_id) END "
                     "FROM system.main.parquet_schema('in/' || "));
    buf_add_literal(sql, name);
    buf_add(sql, STR(") WHERE column_id > 0"));
    duckdb_result result;
    duckdb_data_chunk chunk = NULL;
    if (duckdb_query(e->con, arena_c_string(t->mem, buf_str(sql)), &result) == DuckDBSuccess)
        chunk = duckdb_fetch_chunk(result);
    if (chunk && duckdb_data_chunk_get_size(chunk) == 1) {
        struct batch_vector text = {.type = BATCH_TEXT};
        worker_vector_fill(&text, duckdb_data_chunk_get_vector(chunk, 0), 1);
        if (!batch_is_null(&text, 0))
            columns = arena_str(t->mem, batch_text(&text, 0));
    }
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_result(&result);
    return columns;
}

static str columns_of(struct task *t, struct worker_engine *e, str name)
{
    struct worker_footers *footers = e->footers;
    str identity;
    if (!identity_of(t, name, &identity))
        return STR_NONE;
    const str *known = map_find(&footers->known, identity);
    if (known)
        return *known;
    if (footers->known.len >= KNOWN_MAX)
        forget(footers);
    str *columns = ARENA_NEW(footers->mem, str);
    *columns = arena_str(footers->mem, read_columns(t, e, name));
    map_put(&footers->known, arena_str(footers->mem, identity), columns);
    return *columns;
}

static bool has_line(str lines, str wanted)
{
    while (lines.len) {
        str line;
        str_cut(lines, '\n', &line, &lines);
        if (str_eq(line, wanted))
            return true;
    }
    return false;
}

bool worker_footers_fit(struct task *t, struct worker_engine *e, const struct job_view *view)
{
    if (view->files.len == 0 || view->files.len > FILES_MAX)
        return false;
    str columns = columns_of(t, e, view->files.at[0]);
    if (!columns.len)
        return false;
    /* Copied: looking at the next file may forget what is known. */
    columns = arena_str(t->mem, columns);
    for (size_t i = 1; i < view->files.len; i++)
        if (!str_eq(columns_of(t, e, view->files.at[i]), columns))
            return false;
    for (size_t i = 0; i < view->columns.len; i++) {
        const struct job_column *column = &view->columns.at[i];
        str line = arena_format(t->mem, "%u " STR_FMT " " STR_FMT, column->id,
                                STR_ARG(column->type), STR_ARG(column->name));
        if (!has_line(columns, line))
            return false;
    }
    return true;
}

bool worker_footers_lack(struct task *t, struct worker_engine *e, const struct job_view *view,
                         str name)
{
    str end = arena_format(t->mem, " " STR_FMT, STR_ARG(name));
    for (size_t i = 0; i < view->files.len; i++) {
        str columns = arena_lower(t->mem, columns_of(t, e, view->files.at[i])), line;
        if (!columns.len)
            return false;
        while (columns.len) {
            str_cut(columns, '\n', &line, &columns);
            if (str_ends(line, end))
                return false;
        }
    }
    return true;
}
