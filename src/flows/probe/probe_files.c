#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "buf/buf.h"
#include "limits/limits.h"
#include "probe_inside.h"

enum { PROBE_FILES_MAX = 1000, PROBE_BASE_BYTES_MAX = 200 };

struct probe_file {
    struct probe *p;
    struct contract_server said;
    struct source_server server;
    struct contract_table table;
    struct source_table read;
    struct engine_job job; /* links of all files */
    struct worker *worker;
    struct source_column *columns;
    size_t len;
    str from;
};

static void probe_free_glob(void *handle)
{
    globfree(handle);
}

static bool probe_absolute(struct task *t, const char *path, str *out)
{
    char *resolved = realpath(path, NULL);

    if (resolved == NULL) {
        return task_fail_errno(t, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot read %s", path);
    }
    *out = arena_str(t->mem, str_of(resolved));
    free(resolved);
    return true;
}

bool probe_link_files(struct task *t, str pattern, size_t table, struct str_list *names,
                      struct engine_job *job)
{
    glob_t *found = ARENA_NEW(t->mem, glob_t);
    struct stat facts;
    str path, folder, base;

    if (glob(arena_c_string(t->mem, pattern), 0, NULL, found) != 0) {
        globfree(found);
        return task_fail(t, ERR_NOT_FOUND, "there is no file %.*s", STR_ARG(pattern));
    }
    arena_defer(t->mem, probe_free_glob, found);
    if (found->gl_pathc > PROBE_FILES_MAX) {
        return task_fail(t, ERR_LIMIT, "%zu files match %.*s, and at most %d are read",
                         (size_t)found->gl_pathc, STR_ARG(pattern), PROBE_FILES_MAX);
    }
    for (size_t i = 0; i < found->gl_pathc; i++) {
        if (!probe_absolute(t, found->gl_pathv[i], &path)) {
            return false;
        }
        if (stat(path.ptr, &facts) != 0 || !S_ISREG(facts.st_mode)) {
            return task_fail(t, ERR_USAGE, "%s is not a file", found->gl_pathv[i]);
        }
        (void)str_cut_last(path, '/', &folder, &base);
        base =
            str_from(base, base.len > PROBE_BASE_BYTES_MAX ? base.len - PROBE_BASE_BYTES_MAX : 0);
        str name = arena_format(t->mem, "t%zu_%zu_%.*s", table, i, STR_ARG(base));
        vec_push(t->mem, names, name);
        vec_push(t->mem, &job->links, ((struct job_link){.path = path, .name = name}));
    }
    return true;
}

static bool probe_find(struct task *t, struct probe_file *f)
{
    if (probe_link_files(t, f->p->source, 0, &f->read.files, &f->job)) {
        return true;
    }
    if (t->err.code == ERR_NOT_FOUND) {
        task_hint(t, "a file, a pattern of files in quotes, or postgres://USER@HOST:PORT/DATABASE");
    }
    return false;
}

/* Folder of the pattern, resolved, with its last name as it is: a path of the mesh where it lies below that. */
static bool probe_locate(struct task *t, struct probe_file *f)
{
    str folder = STR("."), base = f->p->source, whole;

    if (str_cut_last(f->p->source, '/', &folder, &base)) {
        folder = folder.len > 0 ? folder : STR("/");
    } else {
        folder = STR(".");
        base = f->p->source;
    }
    bool has_pattern = str_has(folder, '*') || str_has(folder, '?') || str_has(folder, '[');
    if (has_pattern) {
        f->p->path = f->p->source;
        return true;
    }
    if (!probe_absolute(t, arena_c_string(t->mem, folder), &whole)) {
        return false;
    }
    whole = arena_format(t->mem, "%.*s/%.*s", STR_ARG(str_eq(whole, STR("/")) ? STR_NONE : whole),
                         STR_ARG(base));
    str root = arena_format(t->mem, "%.*s/", STR_ARG(f->p->folder));
    f->p->path =
        f->p->folder.len > 0 && str_starts(whole, root) ? str_from(whole, root.len) : whole;
    return true;
}

/* `data/orders-*.csv.gz` -> orders */
static str probe_title(struct task *t, str path)
{
    struct buf *b = buf_new(t->mem, PATH_BYTES_MAX);
    str folder, base = path, head, end;

    if (!str_cut_last(path, '/', &folder, &base)) {
        base = path;
    }
    for (int i = 0; i < 2 && str_cut_last(base, '.', &head, &end); i++) {
        base = head;
    }
    for (size_t i = 0; i < base.len; i++) {
        if (base.ptr[i] != '*' && base.ptr[i] != '?' && base.ptr[i] != '[' && base.ptr[i] != ']') {
            buf_add_byte(b, base.ptr[i]);
        }
    }
    while (b->len > 0 && (b->ptr[b->len - 1] == '-' || b->ptr[b->len - 1] == '_')) {
        b->len--;
    }
    return b->len > 0 ? buf_str(b) : STR("rows");
}

static const char *const probe_formats[] = {[SOURCE_CSV] = "csv",
                                            [SOURCE_NDJSON] = "ndjson",
                                            [SOURCE_JSON] = "json",
                                            [SOURCE_PARQUET] = "parquet",
                                            [SOURCE_LOG] = "accesslog"};

static void probe_say_server(struct task *t, struct probe_file *f)
{
    struct probe *p = f->p;

    probe_put(t, p->server, "server", STR("files"));
    probe_put(t, p->server, "type", STR("local"));
    probe_put(t, p->server, "path", p->path);
    probe_put(t, p->server, "format", str_of(probe_formats[f->server.file_format]));
    if (f->server.delimiter.len > 0) {
        probe_custom(t, p->server, "delimiter", f->server.delimiter);
    }
    if (p->log_format.len > 0) {
        probe_custom(t, p->server, "logFormat", p->log_format);
    }
    if (p->records.len > 0) {
        probe_custom(t, p->server, "records", p->records);
    }
}

static struct str_list probe_known_formats(struct task *t)
{
    struct str_list known = {0};

    for (size_t i = 0; i < sizeof(probe_formats) / sizeof(probe_formats[0]); i++) {
        str_list_add(t->mem, &known, str_of(probe_formats[i]));
    }
    return known;
}

static bool probe_which_format(struct task *t, str source)
{
    struct str_list known = probe_known_formats(t);
    str last = known.at[--known.len];

    task_fail(t, ERR_USAGE, "%.*s: of which kind is this file?", STR_ARG(source));
    return task_hint(t, "say --source-format %.*s or %.*s",
                     STR_ARG(str_list_join(t->mem, &known, STR(", "))), STR_ARG(last));
}

static bool probe_no_format(struct task *t, str format)
{
    struct str_list known = probe_known_formats(t);
    str near = str_list_nearest(&known, format);
    task_fail(t, ERR_USAGE, "there is no format %.*s", STR_ARG(format));
    return near.len > 0
             ? task_hint(t, "did you mean %.*s? It is one of: %.*s", STR_ARG(near),
                         STR_ARG(str_list_join(t->mem, &known, STR(", "))))
             : task_hint(t, "one of: %.*s", STR_ARG(str_list_join(t->mem, &known, STR(", "))));
}

static bool probe_choose(struct task *t, struct probe_file *f)
{
    struct report report;

    report_init(&report, t->mem);
    f->said = (struct contract_server){
        .name = STR("files"), .type = STR("local"), .location = f->p->path, .format = f->p->format};
    if (!source_choose_files(t->mem, &f->said, &f->server, &report)) {
        return f->said.format.len > 0 ? probe_no_format(t, f->said.format)
                                      : probe_which_format(t, f->p->source);
    }
    f->server.delimiter = f->p->delimiter;
    f->server.log_format = f->p->log_format;
    f->server.records = f->p->records;
    f->server.takes_int96 = true;
    return true;
}

static bool probe_open(struct task *t, struct probe_file *f)
{
    struct contract contract = {.id = STR("probe")};
    struct source_plan plan;
    struct report report;
    struct str_list files = f->read.files;

    report_init(&report, t->mem);
    f->table.name = STR("rows");
    vec_push(t->mem, &contract.tables, f->table);
    if (!source_open(t->mem, &contract, &f->server, STR_NONE, &files, &plan, &report)) {
        return task_fail(
            t, ERR_USAGE, "%.*s cannot be read: %.*s", STR_ARG(f->p->source),
            STR_ARG(report.len > 0 ? report.at[0].message : STR("its logFormat is none")));
    }
    f->read.describe = plan.tables.at[0].describe;
    f->read.looks = plan.tables.at[0].looks;
    f->read.table = &f->table;
    return true;
}

/* JSON once more, without a bound on depth, once its records lie there. */
static bool probe_describe_json(struct task *t, struct probe_file *f, struct engine_rows *rows)
{
    struct engine_job job = f->job;
    size_t fields = rows->len;

    do {
        f->server.has_many_fields = rows->len < fields;
        job.text = arena_format(
            t->mem, "SELECT column_name, column_type, true FROM (DESCRIBE SELECT * FROM %.*s)",
            STR_ARG(source_files_from(t->mem, &f->server, &f->read, NULL, 0)));
        if (!probe_ask(t, f->worker, &job, &f->server, f->p->source, rows)) {
            return false;
        }
    } while (rows->len < fields && !f->server.has_many_fields);
    return true;
}

static bool probe_describe(struct task *t, struct probe_file *f)
{
    bool is_json = f->server.file_format == SOURCE_NDJSON || f->server.file_format == SOURCE_JSON;
    struct engine_job job = f->job;
    struct engine_rows rows;

    job.text = f->read.describe;
    job.looks = f->read.looks;
    if (!probe_ask(t, f->worker, &job, &f->server, f->p->source, &rows)
        || (is_json && !probe_describe_json(t, f, &rows))) {
        return false;
    }
    f->columns = ARENA_ARRAY(t->mem, struct source_column, rows.len);
    f->len = 0;
    for (size_t i = 0; i < rows.len; i++) {
        struct source_column column;

        if (!source_read_column(rows.at[i], &f->read, &column)) {
            return task_fail(t, ERR_WORKER, "a worker described a file in an unknown way");
        }
        if (column.name.len == 0 && f->server.file_format == SOURCE_CSV) {
            task_fail(t, ERR_DATA, "%.*s: column %zu of its header has no name",
                      STR_ARG(f->p->source), i + 1);
            return task_hint(t, "name it in the file, or take it out of every line");
        }
        bool is_known = false;
        for (size_t j = 0; j < f->len; j++) {
            is_known = is_known || str_eq(f->columns[j].name, column.name);
        }
        if (!is_known) {
            f->columns[f->len++] = column;
        }
    }
    return true;
}

static bool probe_delimiter(struct task *t, struct probe_file *f)
{
    char delimiter =
        f->p->delimiter.len > 0 ? 0 : source_other_delimiter(&f->server, f->columns, f->len);

    if (delimiter == 0) {
        return true;
    }
    f->server.delimiter = arena_format(t->mem, "%c", delimiter);
    return probe_open(t, f) && probe_describe(t, f);
}

static void probe_keep_columns(struct task *t, struct probe_file *f, struct infer_table *table)
{
    bool is_log = f->server.file_format == SOURCE_LOG;

    for (size_t i = 0; i < f->len; i++) {
        str type = f->columns[i].type;

        if (str_eq(type, STR("INT96"))) {
            if (tree_get(f->p->server, STR("customProperties")) == NULL) {
                probe_custom(t, f->p->server, "int96", STR("microseconds"));
            }
            vec_push(
                t->mem, &f->p->notes,
                arena_format(t->mem,
                             "%.*s is stored as INT96: digits beyond microseconds would be cut off",
                             STR_ARG(f->columns[i].name)));
            type = STR("TIMESTAMP");
        } else if (contract_type_canonical(t->mem, type).len == 0) {
            vec_push(t->mem, &f->p->notes,
                     arena_format(t->mem, "left out: %.*s (%.*s has no type here that keeps it)",
                                  STR_ARG(f->columns[i].name), STR_ARG(type)));
            continue;
        }
        struct infer_column *column = vec_add(t->mem, &table->columns);
        column->name = f->columns[i].name;
        column->type = type;
        column->required =
            is_log && (str_eq(column->name, STR("host")) || str_eq(column->name, STR("time")));
    }
}

static bool probe_profile(struct task *t, struct probe_file *f, struct infer_table *table)
{
    str from = arena_format(t->mem, "(SELECT * FROM %.*s LIMIT %llu)", STR_ARG(f->from),
                            (unsigned long long)f->p->rows_max);
    struct probe_asked asked = {f->worker, &f->job, &f->server, f->p->source};

    if (!probe_values(t, &asked, table->columns.at, table->columns.len, from, &table->rows)) {
        return false;
    }
    infer_look_inside(t->mem, table);
    if (!probe_values(t, &asked, table->inside.at, table->inside.len, from, &table->rows)) {
        return false;
    }
    table->is_sample = table->rows == f->p->rows_max;
    for (size_t i = 0; f->server.file_format == SOURCE_CSV && i < table->columns.len; i++) {
        infer_settle(t->mem, &table->columns.at[i]);
    }
    return true;
}

/* Names of JSON stand in its rows. Of none the engine makes a column of its own. */
static bool probe_has_rows(struct task *t, const struct probe_file *f,
                           const struct infer_table *table)
{
    bool is_json = f->server.file_format == SOURCE_NDJSON || f->server.file_format == SOURCE_JSON;

    if (!is_json || table->rows > 0) {
        return true;
    }
    task_fail(t, ERR_DATA, "%.*s has no rows, so no columns to infer", STR_ARG(f->p->source));
    return task_hint(t, "infer from a file that has rows, or write the columns by hand");
}

bool probe_files(struct task *t, struct engine *engine, struct probe *p)
{
    struct probe_file f = {.p = p};
    struct infer_table *table = vec_add(t->mem, &p->tables);

    if (!probe_find(t, &f) || !probe_locate(t, &f) || !probe_choose(t, &f) || !probe_open(t, &f)
        || !engine_lend(t, engine, WORKER_EXTRACT, STR("probe"), (struct engine_reach){0},
                        &f.worker)
        || !probe_describe(t, &f) || !probe_delimiter(t, &f)) {
        return false;
    }
    p->title = probe_title(t, p->path);
    table->name = p->title;
    probe_say_server(t, &f);
    probe_keep_columns(t, &f, table);
    if (table->columns.len == 0) {
        return task_fail(t, ERR_DATA, "%.*s has no columns to make a contract of",
                         STR_ARG(p->source));
    }
    if (f.server.file_format == SOURCE_LOG) {
        vec_push(t->mem, &p->notes, STR("types follow from logFormat; no line was read"));
        return true;
    }
    f.from = source_files_from(t->mem, &f.server, &f.read, f.columns, f.len);
    if (f.from.len == 0) {
        return task_fail(t, ERR_LIMIT, "%.*s has too many files or columns", STR_ARG(p->source));
    }
    if (!probe_profile(t, &f, table) || !probe_has_rows(t, &f, table)) {
        return false;
    }
    vec_push(t->mem, &p->notes,
             table->is_sample ? arena_format(
                 t->mem, "types, and nothing about what is required, from the first %llu rows",
                 (unsigned long long)table->rows)
                              : arena_format(t->mem, "types and required from all %llu rows",
                                             (unsigned long long)table->rows));
    return true;
}
