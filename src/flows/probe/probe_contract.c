/* From a contract's server to tables whose rows can be asked: drift is told before any row is read. */
#include "probe/probe_contract.h"

#include <stdlib.h>

#include "buf/buf.h"
#include "limits/limits.h"
#include "probe/probe_trial.h"

/* ---- which tables */

static const struct contract_table *probe_relation_target(const struct contract *contract,
                                                          const struct contract_rule *rule)
{
    return rule->kind == RULE_RELATIONSHIP && rule->relation.file.len == 0
             ? contract_refer_table(contract, rule->relation.has_ids, rule->relation.table)
             : NULL;
}

static bool probe_is_wanted(const struct contract *contract, const struct contract_table *one,
                            const struct contract_table *table)
{
    bool is_wanted = one == NULL || one == table;

    for (size_t i = 0; !is_wanted && i < one->rules.len; i++) {
        is_wanted = probe_relation_target(contract, &one->rules.at[i]) == table;
    }
    return is_wanted;
}

/* The table that was named, with those that its relationships lead to; or all of them. */
static bool probe_choose_tables(struct task *t, struct probe_trial *trial)
{
    const struct contract *contract = trial->p->contract;
    str named = trial->p->table;
    const struct contract_table *one = named.len > 0 ? contract_find_table(contract, named) : NULL;
    struct str_list names = {0};

    trial->contract = *contract;
    trial->contract.tables.at = NULL;
    trial->contract.tables.len = trial->contract.tables.cap = 0;
    for (size_t i = 0; i < contract->tables.len; i++) {
        str_list_add(t->mem, &names, contract->tables.at[i].name);
        if (probe_is_wanted(contract, one, &contract->tables.at[i])) {
            vec_push(t->mem, &trial->contract.tables, contract->tables.at[i]);
        }
    }
    if (named.len > 0 && one == NULL) {
        task_fail(t, ERR_NOT_FOUND, "contract %.*s has no table %.*s", STR_ARG(contract->id),
                  STR_ARG(named));
        return task_hint(t, "it has %.*s", STR_ARG(str_list_join(t->mem, &names, STR(", "))));
    }
    if (contract->tables.len == 0) {
        return task_fail(t, ERR_INVALID, "contract %.*s has no table in its schema",
                         STR_ARG(contract->id));
    }
    return true;
}

/* ---- secrets */

struct probe_scope {
    struct arena *mem;
    str domain;
};

/* By a name that is made for it alone: what else stands in the environment is none of a contract's business. */
static bool probe_find_secret(void *state, str name, str *value_out)
{
    struct probe_scope *scope = state;
    struct buf *b = buf_new(scope->mem, PATH_BYTES_MAX);

    buf_add(b, STR("WEFT_SECRET_"));
    for (size_t i = 0; i < scope->domain.len; i++) {
        char c = scope->domain.ptr[i];
        buf_add_byte(b, c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c);
    }
    buf_add(b, scope->domain.len > 0 ? STR("_") : STR(""));
    buf_add(b, name);
    const char *value = getenv(arena_c_string(scope->mem, buf_str(b)));
    *value_out = str_of(value);
    return value != NULL;
}

static bool probe_resolve_server(struct task *t, struct probe_trial *trial)
{
    struct probe_scope scope = {t->mem, trial->contract.domain};
    struct source_secrets secrets = {.state = &scope, .find = probe_find_secret};
    struct report *report = trial->p->report;
    const char *password = getenv("PGPASSWORD");
    size_t before = report->len;

    if (trial->server.kind == SOURCE_POSTGRES && password != NULL) {
        trial->server.password = STR_NONE;
    }
    if (!source_resolve(t->mem, &secrets, &trial->server, report)) {
        for (size_t i = before; i < report->len; i++) {
            if (report->at[i].code == ERR_SECRET) {
                report->at[i].hint =
                    scope.domain.len > 0
                        ? STR("set WEFT_SECRET_<DOMAIN>_<NAME>, or PGPASSWORD for a password")
                        : STR("set WEFT_SECRET_<NAME>, or PGPASSWORD for a password");
            }
        }
        return false;
    }
    if (trial->server.kind == SOURCE_POSTGRES && password != NULL) {
        trial->server.password = str_of(password);
    }
    return true;
}

/* ---- the way to the source */

/* Findings that end it all become its error. */
static bool probe_fail_findings(struct task *t, struct probe_trial *trial)
{
    struct report *report = trial->p->report;
    struct buf *text = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    enum error_code code = ERR_SOURCE;

    report_sort(report);
    report_text(report, text);
    for (size_t i = report->len; i-- > 0;) {
        code = report->at[i].level == FINDING_ERROR ? report->at[i].code : code;
    }
    task_fail(t, code, "the source of contract %.*s cannot be read", STR_ARG(trial->contract.id));
    return task_detail(t, "%.*s", STR_ARG(buf_str(text)));
}

static str probe_location(struct task *t, const struct probe_trial *trial, str location,
                          const struct contract_table *table)
{
    str path = source_table_location(
        t->mem, location, table->physical_name.len > 0 ? table->physical_name : table->name);

    return str_starts(path, STR("/"))
             ? path
             : arena_format(t->mem, "%.*s/%.*s", STR_ARG(trial->p->folder), STR_ARG(path));
}

static bool probe_link_tables(struct task *t, struct probe_trial *trial, struct str_list *names)
{
    for (size_t i = 0; i < trial->contract.tables.len; i++) {
        const struct contract_table *table = &trial->contract.tables.at[i];

        if (!probe_link_files(t, probe_location(t, trial, trial->server.location, table), i,
                              &names[i], &trial->files)) {
            if (t->err.code == ERR_NOT_FOUND) {
                task_fail(t, ERR_SOURCE, "table %.*s: no file matches %.*s", STR_ARG(table->name),
                          STR_ARG(probe_location(t, trial, trial->server.server->location, table)));
                task_hint(t, "relative locations are of the folder of the mesh, or of --folder; "
                             "without a mesh, of the folder of the command");
            }
            return task_place(t, trial->server.server->place);
        }
    }
    return true;
}

static bool probe_open_source(struct task *t, struct probe_trial *trial)
{
    struct report *report = trial->p->report;
    struct str_list *names = ARENA_ARRAY(t->mem, struct str_list, trial->contract.tables.len);
    struct engine_reach reach = {0};

    if (!source_choose_named(t->mem, &trial->contract, trial->p->server, &trial->server, report)
        || !probe_resolve_server(t, trial)) {
        return probe_fail_findings(t, trial);
    }
    trial->p->used = trial->server.server;
    if (trial->server.kind == SOURCE_FILES ? !probe_link_tables(t, trial, names)
                                           : !probe_reach(t, &trial->server, &reach)) {
        return false;
    }
    if (!source_open(t->mem, &trial->contract, &trial->server, reach.address, names, &trial->plan,
                     report)) {
        return probe_fail_findings(t, trial);
    }
    trial->len = trial->plan.tables.len;
    trial->tables = ARENA_ARRAY(t->mem, struct probe_live, trial->len + 1);
    for (size_t i = 0; i < trial->len; i++) {
        trial->tables[i].source = &trial->plan.tables.at[i];
        trial->tables[i].is_judged = trial->p->table.len == 0
                                  || str_eq(trial->plan.tables.at[i].table->name, trial->p->table);
    }
    return engine_lend(t, trial->engine, WORKER_EXTRACT, STR("probe"), reach, &trial->worker);
}

/* ---- drift */

str probe_subject(struct task *t, const struct probe_trial *trial,
                  const struct contract_table *table)
{
    const struct contract_server *said = trial->server.server;
    str physical = table->physical_name.len > 0 ? table->physical_name : table->name;

    if (trial->server.kind == SOURCE_FILES) {
        return arena_format(t->mem, "table %.*s of %.*s", STR_ARG(table->name),
                            STR_ARG(source_table_location(t->mem, said->location, physical)));
    }
    return arena_format(t->mem, "table %.*s of server %.*s", STR_ARG(table->name),
                        STR_ARG(said->name));
}

/* What the data are to blame for is a finding of this table, and the test goes on. */
static bool probe_blame(struct task *t, struct probe_trial *trial, struct probe_live *live)
{
    if (t->err.code != ERR_DATA) {
        return false;
    }
    if (t->err.place.file.len == 0) {
        (void)task_place(t, live->source->table->place);
    }
    report_error(trial->p->report, &t->err);
    live->problem = STR("its rows cannot be read as the contract says");
    task_clear_error(t);
    return true;
}

static bool probe_describe_table(struct task *t, struct probe_trial *trial, struct probe_live *live,
                                 bool is_first)
{
    struct source_table *source = live->source;
    struct engine_job job = trial->files;
    struct report *report = trial->p->report;
    struct engine_rows rows;

    job.text = source->describe;
    job.looks = source->looks;
    if (is_first) {
        job.prepare = trial->plan.open;
    }
    if (!probe_ask(t, trial->worker, &job, &trial->server, probe_subject(t, trial, source->table),
                   &rows)) {
        return probe_blame(t, trial, live);
    }
    struct source_column *columns = ARENA_ARRAY(t->mem, struct source_column, rows.len + 1);
    for (size_t i = 0; i < rows.len; i++) {
        if (!source_read_column(rows.at[i], source, &columns[i])) {
            return task_fail(t, ERR_WORKER, "a worker described a source in an unknown way");
        }
    }
    if (rows.len == 0) {
        struct finding *finding = report_add(
            report, FINDING_ERROR, ERR_DRIFT, source->table->place, "the source has no table %.*s",
            STR_ARG(source->table->physical_name.len > 0 ? source->table->physical_name
                                                         : source->table->name));
        finding->hint = STR("name it with physicalName, or ask the owner of the source");
        live->problem = STR("the source has no such table");
        return true;
    }
    if (!source_compile(t->mem, &trial->server, source, columns, rows.len, report)) {
        live->problem = STR("the source no longer fits the contract");
    }
    return true;
}

/* ---- rows */

static bool probe_has_query(const struct contract_table *table)
{
    for (size_t i = 0; i < table->rules.len; i++) {
        if (table->rules.at[i].kind == RULE_SQL) {
            return true;
        }
    }
    return false;
}

/* A contract's own SQL is over a view that finds columns by the names that the contract gives them. */
static bool probe_reads_in_place(const struct probe_live *live)
{
    const struct contract_table *table = live->source->table;

    for (size_t i = 0; probe_has_query(table) && i < table->columns.len; i++) {
        const struct contract_column *column = &table->columns.at[i];

        if (column->physical_name.len > 0 && !str_eq(column->physical_name, column->name)) {
            return false;
        }
    }
    return live->source->is_plain;
}

/* The line of a value that does not fit, where the source can tell it: then that error takes the place of the first. */
static void probe_locate(struct task *t, struct probe_trial *trial, const struct probe_live *live)
{
    struct error first = t->err;
    struct engine_job job = trial->files;
    struct engine_rows rows;

    if (live->source->locate.len == 0 || first.code != ERR_DATA) {
        return;
    }
    job.text = live->source->locate;
    if (engine_ask(t, trial->worker, &job, false, &rows) || t->err.code != ERR_DATA) {
        task_fail_as(t, &first);
    }
}

static bool probe_count_skipped(struct task *t, struct probe_trial *trial,
                                const struct probe_live *live)
{
    struct engine_job job = trial->files;
    struct engine_rows rows;
    int64_t lines = 0;

    if (live->source->skipped.len == 0) {
        return true;
    }
    job.text = live->source->skipped;
    if (!probe_ask(t, trial->worker, &job, &trial->server,
                   probe_subject(t, trial, live->source->table), &rows)) {
        return false;
    }
    if (rows.len == 1 && rows.at[0]->len == 1 && tree_is_int(rows.at[0]->at[0], &lines)
        && lines > 0) {
        report_add(trial->p->report, FINDING_WARNING, ERR_DATA, trial->server.server->place,
                   "%.*s: %lld lines do not match logFormat and are left out",
                   STR_ARG(probe_subject(t, trial, live->source->table)), (long long)lines);
    }
    return true;
}

/* By the reader of plain CSV, in any order. Where it says nothing, the engine's own reader is asked. */
static bool probe_stage_quick(struct task *t, struct probe_trial *trial, struct probe_live *live,
                              str file, bool *done_out)
{
    struct engine_job job = trial->files;
    struct job_result result;

    vec_push(t->mem, &job.prepare, STR("SET preserve_insertion_order = false"));
    probe_narrow_job(t, live, &job);
    job.output = JOB_FILE;
    job.file = file;
    /* A few columns, which are read once more and thrown away. */
    job.packing = live->is_narrow ? PACKED_NOT : PACKED_QUICKLY;
    *done_out = engine_run_uncleared(t, trial->worker, &job, NULL, &result);
    if (!*done_out && t->err.code != ERR_DATA) {
        return false;
    }
    task_clear_error(t);
    live->is_narrow = live->is_narrow && *done_out;
    return true;
}

static bool probe_stage(struct task *t, struct probe_trial *trial, struct probe_live *live,
                        size_t nth)
{
    struct engine_job job = trial->files;
    struct job_result result;
    bool is_done = false;
    str file = arena_format(t->mem, "s%zu.parquet", nth);

    live->staged = file;
    if (live->source->quick.len > 0 && !probe_stage_quick(t, trial, live, file, &is_done)) {
        return false;
    }
    if (is_done) {
        return true;
    }
    vec_push(t->mem, &job.prepare, STR("SET preserve_insertion_order = true"));
    job.text = live->source->text;
    job.output = JOB_FILE;
    job.file = file;
    job.columns = live->source->columns;
    job.packing = PACKED_QUICKLY;
    if (!engine_run_uncleared(t, trial->worker, &job, NULL, &result)) {
        live->staged = STR_NONE;
        probe_locate(t, trial, live);
        (void)probe_explain(t, &trial->server, probe_subject(t, trial, live->source->table));
        return probe_blame(t, trial, live);
    }
    return probe_count_skipped(t, trial, live);
}

static bool probe_read_rows(struct task *t, struct probe_trial *trial)
{
    if (!probe_narrow(t, trial)) {
        return false;
    }
    for (size_t i = 0; i < trial->len; i++) {
        struct probe_live *live = &trial->tables[i];

        if (live->problem.len == 0 && !probe_reads_in_place(live)
            && !probe_stage(t, trial, live, i)) {
            return false;
        }
    }
    if (trial->plan.close.len > 0) {
        struct engine_job close = {.prepare = trial->plan.close, .text = STR("SELECT 1")};
        struct engine_rows rows;

        if (!probe_ask(t, trial->worker, &close, &trial->server, STR("the database"), &rows)) {
            return false;
        }
    }
    return true;
}

bool probe_contract(struct task *t, struct engine *engine, struct probe_contract *p)
{
    struct probe_trial trial = {.p = p, .engine = engine};

    if (!probe_choose_tables(t, &trial) || !probe_open_source(t, &trial)) {
        return false;
    }
    for (size_t i = 0; i < trial.len; i++) {
        if (!probe_describe_table(t, &trial, &trial.tables[i], i == 0)) {
            return false;
        }
    }
    return probe_read_rows(t, &trial) && probe_rules(t, &trial);
}
