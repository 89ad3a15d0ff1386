/* Rules of a contract over the rows of its source. */
#include "buf/buf.h"
#include "gate.h"
#include "limits/limits.h"
#include "probe/probe_trial.h"

str probe_view(struct arena *mem, const struct probe_live *live)
{
    struct buf *b = buf_new(mem, PATH_BYTES_MAX);

    buf_add_identifier(b, PROBE_SCHEMA);
    buf_add_byte(b, '.');
    buf_add_identifier(b, live->source->table->name);
    return buf_str(b);
}

/* ---- questions */

static const struct probe_live *probe_find_live(const struct probe_trial *trial,
                                                const struct contract_table *table)
{
    for (size_t i = 0; i < trial->len; i++) {
        if (str_eq(trial->tables[i].source->table->name, table->name)) {
            return &trial->tables[i];
        }
    }
    return NULL;
}

static void probe_find_target(struct task *t, const struct probe_trial *trial,
                              const struct contract_rule *rule, struct check_target *target)
{
    const struct contract_relation *relation = &rule->relation;
    const struct contract_table *table =
        contract_refer_table(&trial->contract, relation->has_ids, relation->table);
    const struct probe_live *live;

    target->rule = rule;
    if (relation->file.len > 0) {
        target->problem =
            arena_format(t->mem, "it leads to another contract, %.*s", STR_ARG(relation->file));
        return;
    }
    if (table == NULL) {
        target->problem =
            arena_format(t->mem, "the contract has no table %.*s", STR_ARG(relation->table));
        return;
    }
    live = probe_find_live(trial, table);
    if (live == NULL || live->problem.len > 0) {
        target->problem = arena_format(t->mem, "%.*s cannot be read: %.*s", STR_ARG(table->name),
                                       STR_ARG(live ? live->problem : STR("it is not there")));
        return;
    }
    target->view = probe_view(t->mem, live);
    for (size_t i = 0; i < relation->columns.len; i++) {
        const struct contract_column *column =
            contract_refer_column(table, relation->has_ids, relation->columns.at[i]);

        if (column == NULL) {
            target->problem = arena_format(t->mem, "%.*s has no column %.*s", STR_ARG(table->name),
                                           STR_ARG(relation->columns.at[i]));
            return;
        }
        vec_push(t->mem, &target->columns, column->name);
    }
}

static bool probe_compile(struct task *t, const struct probe_trial *trial, struct probe_live *live)
{
    const struct contract_table *table = live->source->table;
    struct check_targets targets = {0};
    bool is_compiled = live->source->columns.len > 0;

    for (size_t i = 0; !is_compiled && i < table->columns.len; i++) {
        vec_push(t->mem, &live->source->columns,
                 ((struct job_column){.name = table->columns.at[i].name,
                                      .type = table->columns.at[i].type,
                                      .id = (uint32_t)i + 1}));
    }
    for (size_t i = 0; i < table->rules.len; i++) {
        if (table->rules.at[i].kind == RULE_RELATIONSHIP) {
            probe_find_target(t, trial, &table->rules.at[i], vec_add(t->mem, &targets));
        }
    }
    if (!live->is_narrow
        && !check_compile(t->mem, table, probe_view(t->mem, live), &live->source->columns, &targets,
                          &live->plan)) {
        return task_fail(t, ERR_INTERNAL, "the rules of %.*s do not compile", STR_ARG(table->name));
    }
    live->answers = ARENA_ARRAY(t->mem, const struct tree *, live->plan.selects.len + 1);
    live->errors = ARENA_ARRAY(t->mem, str, live->plan.selects.len + 1);
    for (size_t i = 0; live->problem.len > 0 && i < live->plan.selects.len; i++) {
        live->errors[i] = live->problem;
    }
    return true;
}

/* ---- views: what the extract worker reads, under the names of the contract */

static void probe_make_views(struct task *t, const struct probe_trial *trial,
                             struct engine_job *job)
{
    vec_push(t->mem, &job->prepare, STR("CREATE SCHEMA \"self\""));
    for (size_t i = 0; i < trial->len; i++) {
        const struct probe_live *live = &trial->tables[i];
        struct buf *b = buf_new(t->mem, SOURCE_SQL_BYTES_MAX * 2);

        if (live->problem.len > 0) {
            continue;
        }
        buf_format(b, "CREATE VIEW %.*s AS ", STR_ARG(probe_view(t->mem, live)));
        if (live->staged.len > 0) { /* where this worker wrote it */
            buf_format(b, "SELECT * FROM read_parquet('out/%.*s', hive_partitioning = false)",
                       STR_ARG(live->staged));
        } else {
            buf_add(b, live->source->text);
        }
        vec_push(t->mem, &job->prepare, buf_str(b));
    }
}

/* ---- answers */

static bool probe_ask_own(struct task *t, struct probe_trial *trial,
                          const struct check_select *select, struct engine_rows *out)
{
    struct engine_job job = trial->files;

    job.text = select->text;
    return engine_ask(t, trial->worker, &job, false, out);
}

static void probe_link(struct task *t, struct engine_job *job, struct job_view *view, str path)
{
    str name = arena_format(t->mem, "v%zu.parquet", job->links.len);

    vec_push(t->mem, &view->files, name);
    vec_push(t->mem, &job->links, ((struct job_link){.path = path, .name = name}));
}

/* The files of a table, under names of our own, for a worker that runs a stranger's text. */
static void probe_fill_view(struct task *t, const struct probe_trial *trial, struct job_view *view,
                            struct engine_job *job)
{
    for (size_t i = 0; i < trial->len; i++) {
        const struct probe_live *live = &trial->tables[i];
        const struct source_table *source = live->source;

        if (!str_eq_nocase(source->table->name, view->name) || live->problem.len > 0) {
            continue;
        }
        view->columns = source->columns;
        if (live->staged.len > 0) {
            probe_link(t, job, view, engine_output_path(t, trial->worker, live->staged));
        }
        for (size_t j = 0; live->staged.len == 0 && j < trial->files.links.len; j++) {
            const struct job_link *link = &trial->files.links.at[j];

            if (str_list_has(&source->files, link->name)) {
                probe_link(t, job, view, link->path);
            }
        }
        if (live->staged.len == 0) { /* files of others have no field ids of ours */
            view->columns.at = ARENA_ARRAY(t->mem, struct job_column, source->columns.len);
            view->columns.cap = source->columns.len;
            for (size_t j = 0; j < source->columns.len; j++) {
                view->columns.at[j] = source->columns.at[j];
                view->columns.at[j].id = 0;
            }
        }
    }
}

bool probe_lend_builder(struct task *t, struct probe_trial *trial)
{
    return trial->builder != NULL
        || engine_lend(t, trial->engine, WORKER_BUILD, STR("probe"), (struct engine_reach){0},
                       &trial->builder);
}

/* A rule's own SQL was written by a stranger: the allow-lists of the gate decide what it may say, and a worker that can open nothing
 * else runs it. */
static bool probe_ask_foreign(struct task *t, struct probe_trial *trial,
                              const struct check_select *select, struct engine_rows *out)
{
    struct image_product product = {.address = trial->contract.id};
    struct gate_scope scope = {.product = &product};
    struct engine_job job;
    struct sql_tree *tree;

    for (size_t i = 0; i < trial->len; i++) {
        if (trial->tables[i].problem.len == 0) {
            vec_push(t->mem, &scope.inputs,
                     ((struct gate_input){.schema = PROBE_SCHEMA,
                                          .what = "table",
                                          .name = trial->tables[i].source->table->name,
                                          .columns = trial->tables[i].source->columns}));
        }
    }
    if (!probe_lend_builder(t, trial) || !gate_parse(t, trial->builder, select->text, &tree)
        || !gate_sketch(t, tree, &scope, &job)) {
        return false;
    }
    for (size_t i = 0; i < job.views.len; i++) {
        probe_fill_view(t, trial, &job.views.at[i], &job);
    }
    return engine_ask(t, trial->builder, &job, true, out);
}

/* Where rows are read as they lie, what the engine stumbles over is the source. */
static bool probe_explain_engine(struct task *t, const struct probe_trial *trial,
                                 const struct probe_live *live)
{
    return t->err.code == ERR_ENGINE && live->staged.len == 0
        && probe_explain(t, &trial->server, probe_subject(t, trial, live->source->table));
}

static bool probe_ask_table(struct task *t, struct probe_trial *trial, struct probe_live *live)
{
    for (size_t i = 0; i < live->plan.selects.len; i++) {
        const struct check_select *select = &live->plan.selects.at[i];
        struct engine_rows rows;

        if (select->is_foreign ? probe_ask_foreign(t, trial, select, &rows)
                               : probe_ask_own(t, trial, select, &rows)) {
            if (rows.len == 1) {
                live->answers[i] = rows.at[0];
            } else {
                live->errors[i] =
                    arena_format(t->mem, "the query gives %zu rows, not one", rows.len);
            }
            continue;
        }
        if (!error_is_of_sql(t->err.code)) { /* else it is the verdict of the rule */
            return probe_explain_engine(t, trial, live);
        }
        live->errors[i] = arena_str(t->mem, t->err.message);
        task_clear_error(t);
    }
    return true;
}

bool probe_rules(struct task *t, struct probe_trial *trial)
{
    struct engine_job views = trial->files;
    struct engine_rows none;

    for (size_t i = 0; i < trial->len; i++) {
        if (!probe_compile(t, trial, &trial->tables[i])) {
            return false;
        }
    }
    probe_make_views(t, trial, &views);
    views.text = STR("SELECT 1");
    if (!probe_ask(t, trial->worker, &views, &trial->server, STR("the source"), &none)) {
        return false;
    }
    for (size_t i = 0; i < trial->len; i++) {
        struct probe_live *live = &trial->tables[i];
        struct probe_checked *checked;

        if (!live->is_judged) {
            continue;
        }
        if (live->problem.len == 0 && !probe_ask_table(t, trial, live)) {
            return false;
        }
        checked = vec_add(t->mem, &trial->p->tables);
        checked->table = live->source->table;
        check_judge(t->mem, &live->plan, live->answers, live->errors, &checked->verdicts,
                    &checked->len);
    }
    return true;
}
