#include "buf/buf.h"
#include "fault/fault.h"
#include "limits/limits.h"
#include "run_inside.h"
#include "run_row/run_row.h"
#include "source/source.h"

/* Of a file's name, from its end: what we put before it must fit into a name too. */
enum { RUN_BASE_BYTES_MAX = 200 };

/* More threads of the engine read CSV faster than one of ours. */
enum { RUN_QUICK_THREADS_MAX = 4 };

struct run_source {
    const struct model_input *input;
    struct source_server server;
    struct source_plan plan;
    struct worker *worker;
    struct engine_job files; /* links of all its files */
};

/* Findings that stop the run become its error: all of them in the detail. */
static bool run_fail_findings(struct task *t, struct run *r, enum error_code fallback, str input)
{
    struct buf *text = buf_new(t->mem, RUN_DETAIL_BYTES_MAX);
    enum error_code code = fallback;

    report_sort(&r->findings);
    report_text(&r->findings, text);
    for (size_t i = 0; i < r->findings.len; i++) {
        if (r->findings.at[i].level == FINDING_ERROR) {
            code = r->findings.at[i].code;
            break;
        }
    }
    task_fail(t, code, "%s %.*s of %.*s",
              code == ERR_DRIFT ? "the source no longer fits its contract: input"
                                : "cannot read the source of input",
              STR_ARG(input), STR_ARG(r->product));
    return task_detail(t, "%.*s", STR_ARG(buf_str(text)));
}

static bool run_link_files(struct task *t, struct run *r, struct run_source *s,
                           struct str_list *names)
{
    const struct contract *contract = s->input->contract;

    for (size_t i = 0; i < contract->tables.len; i++) {
        const struct contract_table *table = &contract->tables.at[i];
        str physical = table->physical_name.len ? table->physical_name : table->name;
        struct str_list paths = {0};

        if (!run_source_files(t, r, &s->server, physical, &paths)) {
            return task_place(t, s->server.server->place);
        }
        for (size_t j = 0; j < paths.len; j++) {
            str folder, base;
            /* The end of the name says how it is compressed. */
            (void)str_cut_last(paths.at[j], '/', &folder, &base);
            base =
                str_from(base, base.len > RUN_BASE_BYTES_MAX ? base.len - RUN_BASE_BYTES_MAX : 0);
            str name = arena_format(t->mem, "t%zu_%zu_%.*s", i, j, STR_ARG(base));
            vec_push(t->mem, &names[i], name);
            vec_push(t->mem, &s->files.links,
                     ((struct job_link){.path = paths.at[j], .name = name}));
        }
    }
    return true;
}

static bool run_open_source(struct task *t, struct run *r, struct run_source *s)
{
    const struct contract *contract = s->input->contract;
    struct str_list *names = ARENA_ARRAY(t->mem, struct str_list, contract->tables.len);
    struct source_secrets secrets;
    struct engine_reach reach = {0};

    run_secrets(t, r, &secrets);
    if (!source_choose(t->mem, contract, STR_NONE, &s->server, &r->findings)
        || !source_resolve(t->mem, &secrets, &s->server, &r->findings)) {
        return run_fail_findings(t, r, ERR_SOURCE, s->input->name);
    }
    if (s->server.kind == SOURCE_FILES) {
        if (!run_link_files(t, r, s, names)) {
            return false;
        }
    } else if (!run_reach(t, r, &s->server, &reach.address, &reach.listen_port)) {
        return task_place(t, s->server.server->place);
    }
    if (!source_open(t->mem, contract, &s->server, reach.address, names, &s->plan, &r->findings)) {
        return run_fail_findings(t, r, ERR_SOURCE, s->input->name);
    }
    return engine_lend(t, r->services->engine, WORKER_EXTRACT, r->product, reach, &s->worker);
}

/* The file that an engine error names, or the only one there is: as `data/orders.csv: `, or empty. */
static str run_name_file(struct task *t, const struct run_source *s)
{
    str location = s->server.location, folder = STR_NONE, name, rest;

    for (size_t i = 0; i < s->files.links.len; i++) {
        const struct job_link *link = &s->files.links.at[i];

        if (s->files.links.len > 1 && str_find(t->err.message, link->name) == t->err.message.len
            && str_find(t->err.detail, link->name) == t->err.detail.len) {
            continue;
        }
        (void)str_cut_last(link->path, '/', &rest, &name);
        bool is_told = str_cut_last(location, '/', &folder, &rest) && !str_has(folder, '*')
                    && !str_has(folder, '?') && !str_has(folder, '[') && !str_has(folder, '{');
        return arena_format(t->mem, "%.*s%s%.*s: ", STR_ARG(is_told ? folder : STR_NONE),
                            is_told ? "/" : "", STR_ARG(name));
    }
    return STR_NONE;
}

/* Of the home, not of the source: what the worker could not be given, or what it could not write. */
static bool run_is_of_home(const struct error *error)
{
    str message = error->message;

    return error->code == ERR_IO
        && (str_find(message, STR("the worker's folder")) < message.len
            || str_find(message, STR("\"out/")) < message.len);
}

/* Engine errors of a source: one clear line, no connection string, no row. */
static bool run_explain(struct task *t, const struct run *r, const struct run_source *s, str text)
{
    str message, hint, file = run_name_file(t, s);

    if (run_is_of_home(&t->err)) {
        return false;
    }
    source_explain(t->mem, &s->server, &t->err, text, &message, &hint);
    enum error_code code = t->err.code;
    switch (code) {
    case ERR_CANCELLED:
    case ERR_TIMEOUT:
    case ERR_FULL:
    case ERR_MEMORY:
    case ERR_FAULT:
    case ERR_WORKER:
        return false;
    case ERR_DATA:
        break;
    default:
        code = ERR_SOURCE;
    }
    task_fail(t, code, "input %.*s: %.*s%.*s", STR_ARG(s->input->name), STR_ARG(file),
              STR_ARG(message));
    task_hint(t, "%s; %.*s", run_what_stays(r), STR_ARG(hint));
    return task_place(t, s->server.server->place);
}

static bool run_describe_source(struct task *t, struct run *r, struct run_source *s,
                                struct source_table *table, bool is_first)
{
    struct engine_job job = s->files;
    struct engine_rows rows;

    job.text = table->describe;
    job.looks = table->looks;
    if (is_first) {
        job.prepare = s->plan.open;
    }
    if (!engine_ask(t, s->worker, &job, false, &rows)) {
        return run_explain(t, r, s, STR_NONE);
    }
    struct source_column *columns = ARENA_ARRAY(t->mem, struct source_column, rows.len);
    for (size_t i = 0; i < rows.len; i++) {
        if (!source_read_column(rows.at[i], table, &columns[i])) {
            return task_fail(t, ERR_WORKER, "a worker described a source in an unknown way");
        }
    }
    if (rows.len == 0) {
        task_fail(t, ERR_DRIFT, "input %.*s: the source has no table %.*s", STR_ARG(s->input->name),
                  STR_ARG(table->table->physical_name.len ? table->table->physical_name
                                                          : table->table->name));
        return task_place(t, table->table->place);
    }
    run_limit_source(t, r, s->input->name, table);
    run_cut_source(t, r, table);
    if (!source_compile(t->mem, &s->server, table, columns, rows.len, &r->findings)) {
        return run_fail_findings(t, r, ERR_DRIFT, s->input->name);
    }
    return true;
}

/* The line of a value that did not fit, where the source can tell it: then that error takes the place of the first. Gives the text that
 * the error is about. */
static str run_locate(struct task *t, const struct run_source *s, const struct source_table *source)
{
    struct error first = t->err;
    struct engine_job job = s->files;
    struct engine_rows rows;

    if (source->locate.len == 0 || first.code != ERR_DATA) {
        return source->text;
    }
    job.text = source->locate;
    if (engine_ask(t, s->worker, &job, false, &rows) || t->err.code != ERR_DATA) {
        task_fail_as(t, &first);
        return source->text;
    }
    return source->locate;
}

/* A table that is passed through as it is needs no second pass over its rows: it is written with the ids of the output. */
static void run_take_output_ids(const struct run *r, struct run_table *table)
{
    const struct image_table *target = image_find_table(r->target, table->name);

    if (target == NULL || !model_is_passed_through(r->target->definition, table->name)
        || target->columns.len != table->columns.len) {
        return;
    }
    for (size_t i = 0; i < target->columns.len; i++) {
        if (!str_eq(target->columns.at[i].name, table->columns.at[i].name)
            || !str_eq(target->columns.at[i].contract->type, table->columns.at[i].type)) {
            return;
        }
    }
    for (size_t i = 0; i < target->columns.len; i++) {
        table->columns.at[i].id = target->columns.at[i].id;
    }
    table->is_output = true;
}

/* Lines that the contract lets be left out are told all the same. */
static bool run_count_skipped(struct task *t, struct run *r, const struct run_source *s,
                              const struct source_table *source)
{
    struct engine_job job = s->files;
    const struct tree *row;
    int64_t lines = 0;

    if (source->skipped.len == 0) {
        return true;
    }
    job.text = source->skipped;
    if (!run_ask_row(t, s->worker, &job, false, &row)) {
        return run_explain(t, r, s, STR_NONE);
    }
    if (row->len == 1 && tree_is_int(row->at[0], &lines) && lines > 0) {
        report_add(&r->findings, FINDING_WARNING, ERR_DATA, s->server.server->place,
                   "input %.*s: %lld lines do not match logFormat and are left out",
                   STR_ARG(s->input->name), (long long)lines);
    }
    return true;
}

/* Rows have to come in their order, which the reader of plain CSV keeps with one thread alone: that is faster than few of the engine's. Where
 * it says nothing, the engine's reader is asked. */
static bool run_read_table(struct task *t, struct run *r, struct run_source *s,
                           const struct source_table *source, struct run_table *table)
{
    struct engine_job job = s->files;
    bool is_quick = source->quick.len > 0
                 && CONFIG_INT(r->services->config, worker_threads) <= RUN_QUICK_THREADS_MAX;

    job.text = source->quick;
    bool is_made = is_quick && run_stage_make(t, r, s->worker, &job, false, table);

    if (is_quick && !is_made && t->err.code != ERR_DATA) {
        return run_explain(t, r, s, STR_NONE);
    }
    if (!is_made) {
        task_clear_error(t);
        job.text = source->text;
        if (!run_stage_make(t, r, s->worker, &job, false, table)) {
            return run_explain(t, r, s, run_locate(t, s, source));
        }
    }
    /* What fails from here on is no fault of the source's. */
    return run_stage_take(t, r, s->worker, &job, table->path);
}

/* All in the snapshot of the source. */
static bool run_read_parts(struct task *t, struct run *r, struct run_source *s,
                           const struct run_reading *reading, struct run_table *table)
{
    size_t next = 0, taken = 0;

    while (next < reading->len) {
        run_progress(t, r, "extract", table->name, (int)(next * 1000 / reading->len));
        if (!run_stage_parts(t, r, s->worker, reading, table, &next)) {
            return run_explain(t, r, s, STR_NONE);
        }
        for (; taken < next; taken++) {
            if (!run_take_part(t, r, s->worker, &table->parts.at[taken])) {
                return false;
            }
        }
    }
    return true;
}

static bool run_extract_table(struct task *t, struct run *r, struct run_source *s,
                              struct source_table *source, bool is_last)
{
    struct run_table *table = vec_add(t->mem, &r->staged);
    struct run_reading reading = {0};

    *table = (struct run_table){
        .schema = s->input->name,
        .name = source->table->name,
        .contract = s->input->contract,
        .definition = source->table,
        .columns = source->columns,
        .is_partial = source->range.column != NULL,
        .range = source->range,
    };
    run_take_output_ids(r, table);
    run_progress(t, r, "extract", table->name, -1);
    if (table->is_output && !run_choose_reading(t, r, s->worker, &s->server, source, &reading)) {
        return run_explain(t, r, s, STR_NONE);
    }
    if (!(reading.len > 0 ? run_read_parts(t, r, s, &reading, table)
                          : run_read_table(t, r, s, source, table))) {
        return false;
    }
    if (!run_count_skipped(t, r, s, source)) {
        return false;
    }
    if (is_last && s->plan.close.len > 0) {
        struct engine_job close = {.prepare = s->plan.close, .text = STR("SELECT 1")};
        struct engine_rows rows;
        return engine_ask(t, s->worker, &close, false, &rows) || run_explain(t, r, s, STR_NONE);
    }
    return true;
}

/* All tables are described before the first is read, so that drift is told at once and as a whole. */
static bool run_extract_source(struct task *t, struct run *r, const struct model_input *input)
{
    struct run_source s = {.input = input};

    run_progress(t, r, "connect", input->name, -1);
    if (!run_open_source(t, r, &s)) {
        return false;
    }
    for (size_t i = 0; i < s.plan.tables.len; i++) {
        if (!run_describe_source(t, r, &s, &s.plan.tables.at[i], i == 0)) {
            return false;
        }
    }
    for (size_t i = 0; i < s.plan.tables.len; i++) {
        if (!run_extract_table(t, r, &s, &s.plan.tables.at[i], i + 1 == s.plan.tables.len)) {
            return false;
        }
    }
    engine_return(t, s.worker);
    return true;
}

bool run_extract(struct task *t, struct run *r)
{
    if (!run_enter(t, r, RUN_EXTRACTING, STR("extract"))) {
        return false;
    }
    for (size_t i = 0; i < r->inputs.len; i++) {
        if (r->inputs.at[i].producer == NULL && !run_extract_source(t, r, r->inputs.at[i].input)) {
            return false;
        }
    }
    return fault_pass(t, FAULT_RUN_EXTRACT);
}
