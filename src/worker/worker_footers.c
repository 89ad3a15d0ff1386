#include "worker_footers.h"

#include <sys/stat.h>

#include "limits/limits.h"
#include "map/map.h"
#include "worker_types.h"

enum {
    FILES_FEW = 4,               /* of more files, a look costs more than it saves one text */
    FILES_MAX = TABLE_FILES_MAX, /* of more, not even many texts gain */
    KNOWN_MAX = 4096,            /* files; then we forget them all */
    STATEMENT_BYTES_MAX = 64 * 1024 * 1024,
    FOOTER_BYTES_MAX = 16 * 1024 * 1024,
};

struct worker_footers {
    struct arena *mem;
    struct map known; /* a file's identity -> str *, its columns, empty where they are nested */
    struct map met;   /* identities of files that came among many, once at least */
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
    map_init(&footers->met, footers->mem);
    arena_defer(mem, free_footers, footers);
    return footers;
}

static void forget(struct worker_footers *footers)
{
    arena_free(footers->mem);
    footers->mem = arena_new();
    map_init(&footers->known, footers->mem);
    map_init(&footers->met, footers->mem);
}

/* Among many files, one is worth a look when it comes again. */
static bool is_worth_a_look(struct worker_footers *footers, const struct job_view *view,
                            str identity)
{
    if (view->files.len <= FILES_FEW || map_find(&footers->met, identity))
        return true;
    map_put(&footers->met, arena_str(footers->mem, identity), footers);
    return false;
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

/* One row for each column: its file, its place and `id type name`, or NULL where it is nested. No aggregate and no order: they take
 * longer than the reading. */
static str columns_sql(struct task *t, const struct str_list *names)
{
    struct buf *sql = buf_new(t->mem, STATEMENT_BYTES_MAX);
    buf_add(sql, STR("SELECT file_name, CAST(column_id AS BIGINT), CASE WHEN num_children > 0 THEN "
                     "NULL ELSE coalesce(field_id, 0) || ' ' || duckdb_type || ' ' || name END "
                     "FROM system.main.parquet_schema(["));
    for (size_t i = 0; i < names->len; i++) {
        buf_add(sql, i ? STR(", 'in/' || ") : STR("'in/' || "));
        buf_add_literal(sql, names->at[i]);
    }
    buf_add(sql, STR("]) WHERE column_id > 0"));
    return buf_str(sql);
}

/* A file while its columns come. */
struct footer {
    str identity;
    struct buf *lines;
    int64_t last;    /* the place of the column that came last */
    bool is_strange; /* nested, or the columns come in another order than they have */
};

static void take_columns(duckdb_data_chunk chunk, const struct map *footers)
{
    struct batch_vector names = {.type = BATCH_TEXT}, places = {.type = BATCH_I64},
                        lines = {.type = BATCH_TEXT};
    idx_t len = duckdb_data_chunk_get_size(chunk);
    worker_vector_fill(&names, duckdb_data_chunk_get_vector(chunk, 0), len);
    worker_vector_fill(&places, duckdb_data_chunk_get_vector(chunk, 1), len);
    worker_vector_fill(&lines, duckdb_data_chunk_get_vector(chunk, 2), len);
    for (uint64_t i = 0; i < len; i++) {
        struct footer *footer = map_find(footers, batch_text(&names, i));
        int64_t place = ((const int64_t *)places.values)[i];
        if (!footer)
            continue;
        footer->is_strange |= batch_is_null(&lines, i) || place <= footer->last;
        footer->last = place;
        if (footer->is_strange)
            continue;
        if (footer->lines->len)
            buf_add_byte(footer->lines, '\n');
        buf_add(footer->lines, batch_text(&lines, i));
    }
}

/* All in one statement. Where one cannot be read, all stay unknown: the engine says so when it reads it. */
static void read_columns(struct task *t, struct worker_engine *e, const struct str_list *names,
                         const struct map *footers)
{
    struct worker_footers *kept = e->footers;
    duckdb_result result;
    duckdb_data_chunk chunk;
    bool ok = duckdb_query(e->con, arena_c_string(t->mem, columns_sql(t, names)), &result)
           == DuckDBSuccess;
    while (ok && (chunk = duckdb_fetch_chunk(result))) {
        take_columns(chunk, footers);
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    for (size_t i = 0; ok && i < footers->len; i++) {
        const struct footer *footer = footers->entries[i].value;
        str *columns = ARENA_NEW(kept->mem, str);
        if (!footer->is_strange && !footer->lines->full)
            *columns = arena_str(kept->mem, buf_str(footer->lines));
        map_put(&kept->known, arena_str(kept->mem, footer->identity), columns);
    }
}

/* The columns of each file of the view, in its order; they live until the next look. False where they are not known. */
static bool look(struct task *t, struct worker_engine *e, const struct job_view *view,
                 const str **columns_out)
{
    struct worker_footers *footers = e->footers;
    str *identities = ARENA_ARRAY(t->mem, str, view->files.len);
    struct str_list unknown = {0};
    struct map reading; /* a file's path -> struct footer */
    bool is_worth_it = true;
    map_init(&reading, t->mem);
    if (footers->known.len + footers->met.len + view->files.len > KNOWN_MAX)
        forget(footers);
    for (size_t i = 0; i < view->files.len; i++) {
        str name = view->files.at[i];
        if (!identity_of(t, name, &identities[i]))
            return false;
        if (map_find(&footers->known, identities[i]))
            continue;
        is_worth_it &= is_worth_a_look(footers, view, identities[i]);
        struct footer *footer = ARENA_NEW(t->mem, struct footer);
        *footer =
            (struct footer){.identity = identities[i], .lines = buf_new(t->mem, FOOTER_BYTES_MAX)};
        str_list_add(t->mem, &unknown, name);
        map_put(&reading, arena_format(t->mem, "in/" STR_FMT, STR_ARG(name)), footer);
    }
    if (!is_worth_it)
        return false;
    if (unknown.len)
        read_columns(t, e, &unknown, &reading);
    for (size_t i = 0; i < view->files.len; i++)
        if (!(columns_out[i] = map_find(&footers->known, identities[i])))
            return false;
    return true;
}

/* From `*rest` on, then from the start: columns of a view mostly stand in the order of the file. */
static bool has_line(str lines, str *rest, str wanted)
{
    str line;
    while (rest->len) {
        str_cut(*rest, '\n', &line, rest);
        if (str_eq(line, wanted))
            return true;
    }
    *rest = lines;
    while (rest->len) {
        str_cut(*rest, '\n', &line, rest);
        if (str_eq(line, wanted))
            return true;
    }
    return false;
}

bool worker_footers_fit(struct task *t, struct worker_engine *e, const struct job_view *view)
{
    if (view->files.len == 0 || view->files.len > FILES_MAX)
        return false;
    const str **columns = ARENA_ARRAY(t->mem, const str *, view->files.len);
    if (!look(t, e, view, columns) || !columns[0]->len)
        return false;
    for (size_t i = 1; i < view->files.len; i++)
        if (!str_eq(*columns[i], *columns[0]))
            return false;
    str rest = *columns[0];
    for (size_t i = 0; i < view->columns.len; i++) {
        const struct job_column *column = &view->columns.at[i];
        str line = arena_format(t->mem, "%u " STR_FMT " " STR_FMT, column->id,
                                STR_ARG(column->type), STR_ARG(column->name));
        if (!has_line(*columns[0], &rest, line))
            return false;
    }
    return true;
}

bool worker_footers_lack(struct task *t, struct worker_engine *e, const struct job_view *view,
                         str name)
{
    str end = arena_format(t->mem, " " STR_FMT, STR_ARG(name));
    const str **columns = ARENA_ARRAY(t->mem, const str *, view->files.len);
    if (!look(t, e, view, columns))
        return false;
    for (size_t i = 0; i < view->files.len; i++) {
        str lines = arena_lower(t->mem, *columns[i]), line;
        if (!lines.len)
            return false;
        while (lines.len) {
            str_cut(lines, '\n', &line, &lines);
            if (str_ends(line, end))
                return false;
        }
    }
    return true;
}
