#include "contract/contract_life.h"
#include "fault/fault.h"
#include "run_inside.h"
#include "run_row/run_row.h"
#include "sql/sql_order.h"

bool run_clear(struct task *t, struct run *r, struct worker *worker, str text,
               const struct gate_scope *scope, struct row_sink *sink, struct engine_job *job_out)
{
    struct sql_tree *tree;
    struct clearance *clear;

    *job_out = (struct engine_job){0};
    if (!gate_parse(t, worker, text, &tree)
        || !gate_clear(t, r->services->gate, tree, scope, sink, &clear)) {
        return false;
    }
    gate_fill_job(t, clear, job_out);
    return true;
}

/* An error in a product's text tells file, line and column, and shows the place. */
static bool run_place_error(struct task *t, const struct run *r, const struct model_sql *sql)
{
    str since = run_since_text(t, r, sql);
    struct sql_shifts shifts = {0};
    struct place place = {.file = sql->path};

    /* A disk that fails is no fault of the text. */
    if (t->err.place.file.len > 0 || t->err.code == ERR_IO || t->err.code == ERR_FULL) {
        return false;
    }
    if (since.len > 0) {
        (void)sql_put_since(t->mem, sql->text, since, &shifts);
    }
    t->err.position = sql_shift_back(&shifts, t->err.position);
    sql_place(sql->text, t->err.position ? t->err.position : 1, &place.line, &place.column);
    if (t->err.position > 0 && t->err.detail.len == 0) {
        task_detail(t, STR_FMT, STR_ARG(sql_caret(t->mem, sql->text, t->err.position)));
    }
    return task_place(t, place);
}

/* What the engine says of values is for those who may see all inputs: what comes of other products is told as its kind only. */
bool run_hide_values(struct task *t, const struct run *r)
{
    bool reads_others = false;

    for (size_t i = 0; i < r->inputs.len; i++) {
        reads_others = reads_others || r->inputs.at[i].producer != NULL;
    }
    if (t->err.code == ERR_ENGINE && reads_others) {
        return task_fail(t, ERR_ENGINE, "the engine failed inside");
    }
    if (t->err.code == ERR_DATA && reads_others) {
        uint32_t position = t->err.position;

        task_fail(t, ERR_DATA, "a value does not fit where the query uses it");
        task_hint(
            t, "the value stays hidden, since it comes from another product: use TRY_CAST or TRY");
        return task_position(t, position);
    }
    return false;
}

void run_scope_inputs(struct task *t, const struct run *r, struct gate_scope *scope)
{
    for (size_t i = 0; i < r->inputs.len; i++) {
        const struct run_input *input = &r->inputs.at[i];

        for (size_t j = 0; input->producer != NULL && j < input->producer->tables.len; j++) {
            const struct image_table *table = &input->producer->tables.at[j];

            if (table->contract == input->input->contract) {
                vec_push(t->mem, &scope->inputs,
                         ((struct gate_input){.schema = input->input->name,
                                              .what = "input port",
                                              .table = table,
                                              .name = contract_table_plain(table->name)}));
            }
        }
    }
}

void run_scope_staged(struct task *t, const struct run_table *table, const char *what,
                      struct gate_scope *scope)
{
    struct gate_input *input = vec_add(t->mem, &scope->inputs);

    input->schema = table->schema;
    input->what = what;
    input->name = table->name;
    input->columns = table->columns;
    run_add_paths(t, table, &input->paths);
}

struct run_build {
    struct worker *worker;
    struct gate_scope scope;
};

/* An internal table has the columns that its SELECT gives. */
static bool run_build_internal(struct task *t, struct run *r, struct run_build *b,
                               const struct model_sql *sql, const struct engine_job *cleared,
                               const struct job_columns *result)
{
    struct run_table *table = vec_add(t->mem, &r->staged);
    struct engine_job build = *cleared;

    table->schema = STR("self");
    table->name = sql->table;
    for (size_t i = 0; i < result->len; i++) {
        vec_push(t->mem, &table->columns, result->at[i]);
    }
    if (!run_stage(t, r, b->worker, &build, true, table)) {
        return false;
    }
    run_scope_staged(t, table, "internal table", &b->scope);
    return true;
}

static bool run_build_output(struct task *t, struct run *r, struct run_build *b,
                             const struct image_table *target, struct engine_job *job)
{
    struct run_table *table = vec_add(t->mem, &r->outputs);

    table->name = target->name;
    table->contract = target->contract;
    table->definition = target->definition;
    table->table = target;
    table->increment = run_find_increment(r, target->name);
    for (size_t i = 0; i < target->columns.len; i++) {
        vec_push(t->mem, &table->columns,
                 ((struct job_column){.name = target->columns.at[i].name,
                                      .type = target->columns.at[i].contract->type,
                                      .id = target->columns.at[i].id}));
    }
    return run_stage(t, r, b->worker, job, true, table);
}

static bool run_build_sql(struct task *t, struct run *r, struct run_build *b,
                          const struct model_sql *sql, const struct sql_tree *tree)
{
    struct row_sink sink = run_progress_sink(t, r, sql->table);
    struct clearance *clear;
    struct engine_job job = {0};
    struct job_columns result = {0};

    run_progress(t, r, "transform", sql->table, -1);
    if (!gate_clear(t, r->services->gate, tree, &b->scope, &sink, &clear)) {
        return run_place_error(t, r, sql);
    }
    gate_fill_job(t, clear, &job);
    bool ok = gate_describe(t, b->worker, &job, &result);

    if (ok) {
        run_trace(t, r, sql, tree, clear, &result);
    }
    ok = ok
      && (sql->is_internal
              ? run_build_internal(t, r, b, sql, &job, &result)
              : run_build_output(t, r, b, image_find_table(r->target, sql->table), &job));
    return ok || run_hide_values(t, r) || run_place_error(t, r, sql);
}

static bool run_parse_all(struct task *t, const struct run *r, struct run_build *b,
                          struct sql_unit *units)
{
    const struct model_product *product = r->target->definition;

    for (size_t i = 0; i < product->sqls.len; i++) {
        const struct model_sql *sql = &product->sqls.at[i];
        struct sql_tree *tree;
        struct sql_shifts shifts;

        if (!gate_parse_since(t, b->worker, sql->text, run_since_text(t, r, sql), &shifts, &tree)) {
            return run_place_error(t, r, sql);
        }
        units[i] =
            (struct sql_unit){.name = sql->table, .is_internal = sql->is_internal, .tree = tree};
    }
    return true;
}

/* The input table of the same name, in whichever port it is. */
static const struct gate_input *run_passed_through(const struct gate_scope *scope, str name)
{
    for (size_t i = 0; i < scope->inputs.len; i++) {
        if (str_eq(scope->inputs.at[i].name, contract_table_plain(name))
            && !str_eq(scope->inputs.at[i].schema, STR("self"))) {
            return &scope->inputs.at[i];
        }
    }
    return NULL;
}

/* What was extracted with the output's own columns is the output already: it is the product's own, and no text reads it. */
static bool run_take_staged(struct task *t, struct run *r, const struct gate_input *input,
                            const struct image_table *target)
{
    for (size_t i = 0; i < r->staged.len; i++) {
        const struct run_table *staged = &r->staged.at[i];

        /* All rows of a source, where some are wanted, are an input like others. */
        if (staged->is_output && (staged->is_partial || run_find_increment(r, target->name) == NULL)
            && str_eq(staged->schema, input->schema) && str_eq(staged->name, target->name)) {
            struct run_table *table = vec_add(t->mem, &r->outputs);

            *table = *staged;
            table->schema = STR_NONE;
            table->contract = target->contract;
            table->definition = target->definition;
            table->table = target;
            table->increment = run_find_increment(r, target->name);
            table->diverted = NULL;
            table->verdicts = NULL;
            table->verdict_count = 0;
            return true;
        }
    }
    return false;
}

/* A table without SQL goes the same way as one with it: through the gate, by a text of ours. */
static bool run_pass_through(struct task *t, struct run *r, struct run_build *b,
                             const struct image_table *table)
{
    const struct gate_input *input = run_passed_through(&b->scope, table->name);
    struct row_sink sink = run_progress_sink(t, r, table->name);
    struct engine_job job;

    if (input == NULL) {
        return task_fail(t, ERR_INVALID,
                         "output table %.*s has neither SQL nor an input of its name",
                         STR_ARG(table->name));
    }
    run_trace_passed(t, r, input, table);
    if (run_take_staged(t, r, input, table)) {
        return true;
    }
    run_progress(t, r, "transform", table->name, -1);
    str text = model_pass_through_sql(t->mem, table->definition, input->schema);
    const struct run_increment *inc = run_find_increment(r, table->name);
    if (inc != NULL) {
        text = arena_format(t->mem, "%.*s WHERE %.*s", STR_ARG(text),
                            STR_ARG(run_since_condition(t, inc, true)));
    }
    return run_clear(t, r, b->worker, text, &b->scope, &sink, &job)
        && (run_build_output(t, r, b, table, &job) || run_hide_values(t, r));
}

/* No more releases are made of what is retired. */
bool run_is_made(const struct run *r, const struct image_table *table)
{
    struct contract_life life;

    contract_life(table->contract, r->started_us, &life);
    return life.stage != CONTRACT_RETIRED;
}

static bool run_makes(const struct run *r, const struct model_sql *sql)
{
    const struct image_table *table = image_find_table(r->target, sql->table);

    return sql->is_internal || table == NULL || run_is_made(r, table);
}

bool run_transform(struct task *t, struct run *r)
{
    const struct model_product *product = r->target->definition;
    struct sql_unit *units = ARENA_ARRAY(t->mem, struct sql_unit, product->sqls.len + 1);
    size_t *order = ARENA_ARRAY(t->mem, size_t, product->sqls.len + 1);
    struct run_build b = {.scope = {.product = r->target}};
    str owner = arena_format(t->mem, "product:%.*s", STR_ARG(r->product));

    if (!run_enter(t, r, RUN_TRANSFORMING, STR("transform"))
        || !engine_lend(t, r->services->engine, WORKER_BUILD, owner, (struct engine_reach){0},
                        &b.worker)
        || !run_parse_all(t, r, &b, units) || !sql_order(t, units, product->sqls.len, order)) {
        return false;
    }
    run_scope_inputs(t, r, &b.scope);
    for (size_t i = 0; i < r->staged.len; i++) {
        run_scope_staged(t, &r->staged.at[i], "input port", &b.scope);
    }
    for (size_t i = 0; i < product->sqls.len; i++) {
        if (run_makes(r, &product->sqls.at[order[i]])
            && !run_build_sql(t, r, &b, &product->sqls.at[order[i]], units[order[i]].tree)) {
            return false;
        }
    }
    for (size_t i = 0; i < r->target->tables.len; i++) {
        if (model_is_passed_through(product, r->target->tables.at[i].name)
            && run_is_made(r, &r->target->tables.at[i])
            && !run_pass_through(t, r, &b, &r->target->tables.at[i])) {
            return false;
        }
    }
    engine_return(t, b.worker);
    if (r->outputs.len == 0) {
        task_fail(t, ERR_REFUSED, "all that product %.*s promised is retired", STR_ARG(r->product));
        return task_hint(t, "its last releases stay as they are");
    }
    return fault_pass(t, FAULT_RUN_TRANSFORM);
}
