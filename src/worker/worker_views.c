#include "worker_views.h"

#include <string.h>

#include "worker_footers.h"
#include "worker_types.h"

enum { KEPT_BYTES_MAX = 1024 * 1024, STATEMENT_BYTES_MAX = 64 * 1024 * 1024 };

/* A name that stands in the engine. */
struct made {
    str catalog, schema, name;
    bool is_inline;
    str definition; /* of a view over files: its statement */
};

struct worker_views {
    struct arena *mem; /* of what stands; renewed when nothing does */
    struct {
        VEC_OF(struct made)
    } made;
    struct str_list catalogs; /* attached */
    struct str_list schemas;  /* as SQL: catalog.schema, quoted */
};

static void free_views(void *views)
{
    arena_free(((struct worker_views *)views)->mem);
}

struct worker_views *worker_views_new(struct arena *mem)
{
    struct worker_views *views = ARENA_NEW(mem, struct worker_views);
    views->mem = arena_new();
    arena_defer(mem, free_views, views);
    return views;
}

static str home_of(str catalog)
{
    return catalog.len ? catalog : STR("memory");
}

static str schema_of(str schema)
{
    return schema.len ? schema : STR("main");
}

static str quoted_schema(struct arena *mem, str catalog, str schema)
{
    struct buf *out = buf_new(mem, STATEMENT_BYTES_MAX);
    buf_add_identifier(out, home_of(catalog));
    buf_add_byte(out, '.');
    buf_add_identifier(out, schema_of(schema));
    return buf_str(out);
}

static str quoted_name(struct arena *mem, str catalog, str schema, str name)
{
    struct buf *out = buf_new(mem, STATEMENT_BYTES_MAX);
    buf_add(out, quoted_schema(mem, catalog, schema));
    buf_add_byte(out, '.');
    buf_add_identifier(out, name);
    return buf_str(out);
}

/* Where the rows of an inline view lie. No text can name it: names have no `#`. */
static str quoted_rows(struct arena *mem, const struct job_view *view)
{
    return quoted_name(mem, view->catalog, view->schema,
                       arena_format(mem, STR_FMT "#rows", STR_ARG(view->name)));
}

/* ---- statements */

/* A name of a file must be no pattern. */
static bool check_files(struct task *t, const struct str_list *files)
{
    for (size_t i = 0; i < files->len; i++)
        if (strpbrk(arena_c_string(t->mem, files->at[i]), "*?[{"))
            return task_fail(t, ERR_INTERNAL, "the name of a linked file would be a pattern");
    return true;
}

static bool check_view(struct task *t, const struct job_view *view, bool *by_id)
{
    size_t with_id = 0;
    for (size_t i = 0; i < view->columns.len; i++) {
        const struct job_column *column = &view->columns.at[i];
        if (!worker_type_is_safe(column->type))
            return task_fail(t, ERR_INTERNAL,
                             "column " STR_FMT " has no type that can be written: " STR_FMT,
                             STR_ARG(column->name), STR_ARG(column->type));
        with_id += column->id != 0;
    }
    *by_id = with_id > 0;
    if (!check_files(t, &view->files) || !check_files(t, &view->deletions))
        return false;
    if (with_id && with_id != view->columns.len)
        return task_fail(t, ERR_INTERNAL,
                         "some columns of " STR_FMT " have a field id and some have none",
                         STR_ARG(view->name));
    return true;
}

/* Files from one to before another. */
static void add_files(struct buf *sql, const struct job_view *view, size_t from, size_t to)
{
    buf_add_byte(sql, '[');
    for (size_t i = from; i < to; i++) {
        buf_add(sql, i > from ? STR(", 'in/' || ") : STR("'in/' || "));
        buf_add_literal(sql, view->files.at[i]);
    }
    buf_add_byte(sql, ']');
}

/* By field id: a column may have another name in a file, a narrower type, or not be there at all. */
static void add_schema(struct buf *sql, const struct job_columns *columns)
{
    buf_add(sql, STR(", schema = MAP {"));
    for (size_t i = 0; i < columns->len; i++) {
        const struct job_column *column = &columns->at[i];
        buf_format(sql, "%s%u: {name: ", i ? ", " : "", column->id);
        buf_add_literal(sql, column->name);
        buf_add(sql, STR(", type: "));
        buf_add_literal(sql, column->type);
        buf_add(sql, STR(", default_value: NULL}"));
    }
    buf_add_byte(sql, '}');
}

static void add_cast(struct buf *sql, const struct job_column *column, bool is_null)
{
    buf_add(sql, STR("CAST("));
    if (is_null)
        buf_add(sql, STR("NULL"));
    else
        buf_add_identifier(sql, column->name);
    buf_add(sql, STR(" AS "));
    buf_add(sql, column->type);
    buf_add(sql, STR(") AS "));
    buf_add_identifier(sql, column->name);
}

/* How the columns of a view come from its files. */
enum match {
    MATCH_ID,   /* by field id: they may differ from the files' */
    MATCH_FITS, /* they are the files' */
    MATCH_NAME, /* by name, cast: the files have no ids */
};

static bool has_deletions(const struct job_view *view, size_t file)
{
    return view->deletions.len && view->deletions.at[file].len;
}

static void add_source(struct buf *sql, const struct job_view *view, enum match match, size_t from,
                       size_t to)
{
    buf_add(sql, STR(" FROM read_parquet("));
    add_files(sql, view, from, to);
    if (match == MATCH_ID)
        add_schema(sql, &view->columns);
    else if (match == MATCH_NAME)
        buf_add(sql, STR(", union_by_name = true"));
    /* A folder's name is never a value here. */
    buf_add(sql, STR(", hive_partitioning = false)"));
}

/* The columns of the rows of a file that are not deleted. No column is called `#…`. */
static void add_living(struct buf *sql, const struct job_view *view, enum match match, size_t file)
{
    buf_add(sql, STR(" FROM (SELECT *, file_row_number AS \"#row\""));
    add_source(sql, view, match, file, file + 1);
    buf_add(
        sql,
        STR(") AS \"#file\" WHERE \"#row\" NOT IN (SELECT \"row\" FROM read_parquet('in/' || "));
    buf_add_literal(sql, view->deletions.at[file]);
    buf_add(sql, STR("))"));
}

static void add_columns(struct buf *sql, const struct job_view *view, enum match match)
{
    for (size_t i = 0; i < view->columns.len; i++) {
        if (i)
            buf_add(sql, STR(", "));
        if (view->files.len && match != MATCH_NAME)
            buf_add_identifier(sql, view->columns.at[i].name);
        else
            add_cast(sql, &view->columns.at[i], !view->files.len);
    }
}

static void add_select(struct buf *sql, const struct job_view *view, enum match match,
                       bool with_order)
{
    buf_add(sql, STR(" AS SELECT "));
    if (!view->files.len) {
        add_columns(sql, view, match);
        buf_add(sql, STR(" WHERE false"));
        return;
    }
    for (size_t from = 0, to; from < view->files.len; from = to) {
        bool has_deleted = has_deletions(view, from);
        for (to = from + 1; !has_deleted && to < view->files.len && !has_deletions(view, to);)
            to++;
        buf_add(sql, from ? STR(" UNION ALL SELECT ") : STR(""));
        add_columns(sql, view, match);
        /* What is cleared must be put back in order after the filter; see policy_clearing_sql. */
        if (with_order)
            buf_add(sql,
                    has_deleted ? STR(", \"#row\" AS file_row_number") : STR(", file_row_number"));
        if (has_deleted)
            add_living(sql, view, match, from);
        else
            add_source(sql, view, match, from, to);
    }
}

/* Rows that came with the job are read by a view, as files are: a table would also answer to `rowid`. */
static str inline_view(struct task *t, const struct job_view *view)
{
    struct buf *sql = buf_new(t->mem, STATEMENT_BYTES_MAX);
    buf_add(sql, STR("CREATE VIEW "));
    buf_add(sql, quoted_name(t->mem, view->catalog, view->schema, view->name));
    buf_add(sql, STR(" AS SELECT "));
    for (size_t i = 0; i < view->columns.len; i++) {
        if (i)
            buf_add(sql, STR(", "));
        buf_add_identifier(sql, view->columns.at[i].name);
    }
    buf_add(sql, STR(" FROM "));
    buf_add(sql, quoted_rows(t->mem, view));
    return buf_str(sql);
}

static bool make_statement(struct task *t, struct worker_engine *e, const struct job_view *view,
                           str *out)
{
    struct buf *sql = buf_new(t->mem, STATEMENT_BYTES_MAX);
    bool by_id = false;
    if (!check_view(t, view, &by_id))
        return false;
    buf_add(sql, view->is_inline ? STR("CREATE TABLE ") : STR("CREATE VIEW "));
    buf_add(sql, view->is_inline ? quoted_rows(t->mem, view)
                                 : quoted_name(t->mem, view->catalog, view->schema, view->name));
    if (view->is_inline) {
        buf_add_byte(sql, '(');
        for (size_t i = 0; i < view->columns.len; i++) {
            if (i)
                buf_add(sql, STR(", "));
            buf_add_identifier(sql, view->columns.at[i].name);
            buf_add_byte(sql, ' ');
            buf_add(sql, view->columns.at[i].type);
        }
        buf_add_byte(sql, ')');
    } else {
        bool clears = e->options->kind == WORKER_CLEARING;
        enum match match = !by_id ? MATCH_NAME : MATCH_ID;
        /* By id, a column of the file that is called file_row_number is not taken for the number of the row: where a file has
         * one, it is cleared that way, which takes half as long again. */
        if (by_id && worker_footers_fit(t, e, view)
            && (!clears || worker_footers_lack(t, e, view, STR("file_row_number"))))
            match = MATCH_FITS;
        add_select(sql, view, match, clears);
    }
    *out = buf_str(sql);
    return !sql->full
        || task_fail(t, ERR_LIMIT, "the definition of " STR_FMT " is too long",
                     STR_ARG(view->name));
}

/* ---- dropping */

static bool is_wanted_catalog(const struct engine_job *job, str catalog)
{
    for (size_t i = 0; i < job->views.len; i++)
        if (str_eq(home_of(job->views.at[i].catalog), catalog))
            return true;
    return false;
}

static bool is_wanted_schema(struct task *t, const struct engine_job *job, str schema)
{
    for (size_t i = 0; i < job->views.len; i++)
        if (str_eq(quoted_schema(t->mem, job->views.at[i].catalog, job->views.at[i].schema),
                   schema))
            return true;
    return false;
}

static bool drop(struct task *t, struct worker_engine *e, const struct made *made)
{
    str name = quoted_name(t->mem, made->catalog, made->schema, made->name);
    struct job_view view = {.catalog = made->catalog, .schema = made->schema, .name = made->name};
    return worker_execute(t, e, arena_format(t->mem, "DROP VIEW IF EXISTS " STR_FMT, STR_ARG(name)))
        && (!made->is_inline
            || worker_execute(t, e,
                              arena_format(t->mem, "DROP TABLE IF EXISTS " STR_FMT,
                                           STR_ARG(quoted_rows(t->mem, &view)))));
}

/* Forgets an element by putting the last one in its place. */
#define REMOVE(list, i) ((list)->at[i] = (list)->at[--(list)->len])

static bool drop_homes(struct task *t, struct worker_engine *e, const struct engine_job *job)
{
    struct worker_views *views = e->views;
    for (size_t i = views->schemas.len; i-- > 0;) {
        if (is_wanted_schema(t, job, views->schemas.at[i]))
            continue;
        str schema = views->schemas.at[i];
        if (!worker_execute(
                t, e,
                arena_format(t->mem, "DROP SCHEMA IF EXISTS " STR_FMT " CASCADE", STR_ARG(schema))))
            return false;
        REMOVE(&views->schemas, i);
    }
    for (size_t i = views->catalogs.len; i-- > 0;) {
        if (is_wanted_catalog(job, views->catalogs.at[i]))
            continue;
        struct buf *sql = buf_new(t->mem, STATEMENT_BYTES_MAX);
        buf_add(sql, STR("DETACH DATABASE IF EXISTS "));
        buf_add_identifier(sql, views->catalogs.at[i]);
        if (!worker_execute(t, e, buf_str(sql)))
            return false;
        REMOVE(&views->catalogs, i);
    }
    return true;
}

static bool is_defined(const str *definitions, size_t len, const struct made *made)
{
    for (size_t i = 0; i < len; i++)
        if (str_eq(definitions[i], made->definition))
            return true;
    return false;
}

static bool drop_others(struct task *t, struct worker_engine *e, const struct engine_job *job,
                        const str *definitions)
{
    struct worker_views *views = e->views;
    for (size_t i = views->made.len; i-- > 0;) {
        const struct made *made = &views->made.at[i];
        if (!made->is_inline && is_defined(definitions, job->views.len, made))
            continue;
        if (!drop(t, e, made))
            return false;
        REMOVE(&views->made, i);
    }
    if (!drop_homes(t, e, job))
        return false;
    if (!views->made.len && !views->catalogs.len && !views->schemas.len) {
        arena_free(views->mem);
        *views = (struct worker_views){.mem = arena_new()};
    }
    return true;
}

/* ---- making */

static bool make_home(struct task *t, struct worker_engine *e, const struct job_view *view)
{
    struct worker_views *views = e->views;
    if (view->catalog.len && !str_list_has(&views->catalogs, view->catalog)) {
        struct buf *sql = buf_new(t->mem, STATEMENT_BYTES_MAX);
        buf_add(sql, STR("ATTACH ':memory:' AS "));
        buf_add_identifier(sql, view->catalog);
        if (!worker_execute(t, e, buf_str(sql)))
            return false;
        vec_push(views->mem, &views->catalogs, arena_str(views->mem, view->catalog));
    }
    if (str_eq_nocase(schema_of(view->schema), STR("main")))
        return true;
    str schema = quoted_schema(t->mem, view->catalog, view->schema);
    if (str_list_has(&views->schemas, schema))
        return true;
    if (!worker_execute(t, e, arena_format(t->mem, "CREATE SCHEMA " STR_FMT, STR_ARG(schema))))
        return false;
    vec_push(views->mem, &views->schemas, arena_str(views->mem, schema));
    return true;
}

static bool append_rows(struct task *t, const struct job_view *view, duckdb_appender appender)
{
    for (size_t i = 0; i < view->cells.len; i++) {
        const struct job_cell *cell = &view->cells.at[i];
        duckdb_state state = cell->is_null
                               ? duckdb_append_null(appender)
                               : duckdb_append_varchar_length(
                                   appender, cell->text.ptr ? cell->text.ptr : "", cell->text.len);
        if (state == DuckDBSuccess && (i + 1) % view->columns.len == 0)
            state = duckdb_appender_end_row(appender);
        if (state != DuckDBSuccess)
            return task_fail(t, ERR_INTERNAL, "a row of " STR_FMT " does not fit its types",
                             STR_ARG(view->name));
    }
    return duckdb_appender_close(appender) == DuckDBSuccess
        || task_fail(t, ERR_INTERNAL, "the rows of " STR_FMT " do not fit their types",
                     STR_ARG(view->name));
}

static bool fill_table(struct task *t, struct worker_engine *e, const struct job_view *view)
{
    duckdb_appender appender = NULL;
    if (!view->cells.len)
        return true;
    duckdb_state state = duckdb_appender_create_ext(
        e->con, arena_c_string(t->mem, home_of(view->catalog)),
        arena_c_string(t->mem, schema_of(view->schema)),
        arena_format(t->mem, STR_FMT "#rows", STR_ARG(view->name)).ptr, &appender);
    bool ok = state == DuckDBSuccess
                ? append_rows(t, view, appender)
                : task_fail(t, ERR_INTERNAL, "the rows of " STR_FMT " have no table",
                            STR_ARG(view->name));
    duckdb_appender_destroy(&appender);
    return ok;
}

static bool is_made(const struct worker_views *views, str definition)
{
    for (size_t i = 0; i < views->made.len; i++)
        if (!views->made.at[i].is_inline && str_eq(views->made.at[i].definition, definition))
            return true;
    return false;
}

static bool make(struct task *t, struct worker_engine *e, const struct job_view *view,
                 str definition)
{
    struct worker_views *views = e->views;
    if (!view->is_inline && is_made(views, definition))
        return true;
    if (!worker_go_on(t, e) || !make_home(t, e, view) || !worker_execute(t, e, definition))
        return false;
    struct made *made = vec_add(views->mem, &views->made);
    *made = (struct made){
        .catalog = arena_str(views->mem, view->catalog),
        .schema = arena_str(views->mem, view->schema),
        .name = arena_str(views->mem, view->name),
        .is_inline = view->is_inline,
        .definition = view->is_inline ? STR_NONE : arena_str(views->mem, definition),
    };
    return !view->is_inline
        || (fill_table(t, e, view) && worker_execute(t, e, inline_view(t, view)));
}

/* The task's memory holds every statement until its end: few, and small beside the rows. */
bool worker_views_set(struct task *t, struct worker_engine *e, const struct engine_job *job)
{
    str *definitions = ARENA_ARRAY(t->mem, str, job->views.len);
    for (size_t i = 0; i < job->views.len; i++)
        if (!make_statement(t, e, &job->views.at[i], &definitions[i]))
            return false;
    if (!drop_others(t, e, job, definitions))
        return false;
    for (size_t i = 0; i < job->views.len; i++)
        if (!make(t, e, &job->views.at[i], definitions[i]))
            return false;
    return true;
}

bool worker_views_end(struct task *t, struct worker_engine *e)
{
    struct worker_views *views = e->views;
    for (size_t i = views->made.len; i-- > 0;) {
        if (!views->made.at[i].is_inline)
            continue;
        if (!drop(t, e, &views->made.at[i]))
            return false;
        REMOVE(&views->made, i);
    }
    return true;
}
