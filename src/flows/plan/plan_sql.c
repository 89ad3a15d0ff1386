/* Every SELECT held against the contracts of its inputs: compiled over empty tables, so nothing is read. */
#include <stdlib.h>

#include "actor/actor.h"
#include "lineage/lineage_through.h"
#include "plan_inside.h"
#include "sql/sql_order.h"

struct plan_product {
    struct engine *engine;
    const struct model_product *definition;
    struct worker *worker;
    struct report *report;
    struct gate_scope scope;
    struct lineage_inputs *inputs; /* as scope.inputs */
    struct {
        VEC_OF(struct lineage_between)
    } between;                  /* internal tables that have been traced */
    struct lineage_texts texts; /* of internal tables */
    struct label_traces *traces;
    struct plan_compiled *compiled; /* texts in order; NULL where nobody asks */
};

static struct job_columns plan_contract_columns(struct arena *mem,
                                                const struct contract_table *table)
{
    struct job_columns columns = {0};

    for (size_t i = 0; i < table->columns.len; i++) {
        vec_push(mem, &columns,
                 ((struct job_column){.name = table->columns.at[i].name,
                                      .type = table->columns.at[i].type,
                                      .id = (uint32_t)i + 1}));
    }
    return columns;
}

static void plan_scope_input(struct task *t, struct plan_product *p, const struct gate_input *input)
{
    struct lineage_input *traced = vec_add(t->mem, p->inputs);

    vec_push(t->mem, &p->scope.inputs, *input);
    traced->schema = input->schema;
    traced->name = input->name;
    for (size_t i = 0; i < input->columns.len; i++) {
        vec_push(t->mem, &traced->columns,
                 ((struct lineage_column){input->columns.at[i].name, input->columns.at[i].type}));
    }
}

static void plan_scope_inputs(struct task *t, struct plan_product *p)
{
    for (size_t i = 0; i < p->definition->inputs.len; i++) {
        const struct model_input *input = &p->definition->inputs.at[i];

        for (size_t j = 0; j < input->contract->tables.len; j++) {
            const struct contract_table *table = &input->contract->tables.at[j];

            plan_scope_input(t, p,
                             &(struct gate_input){.schema = input->name,
                                                  .what = "input port",
                                                  .name = contract_table_plain(table->name),
                                                  .columns = plan_contract_columns(t->mem, table)});
        }
    }
}

bool plan_is_of_text(enum error_code code)
{
    return error_is_of_sql(code) || code == ERR_INVALID || code == ERR_ENGINE;
}

/* What stands for `$since`: a value before all others, as in a first run. */
static str plan_since(struct task *t, const struct model_product *product,
                      const struct model_sql *sql)
{
    const struct contract_table *table = model_since_table(product, sql);

    return table != NULL ? model_key_literal(t->mem, table, model_key_least(table)) : STR_NONE;
}

void plan_place_text(struct task *t, const struct model_product *product,
                     const struct model_sql *sql, struct place *out)
{
    str since = plan_since(t, product, sql);
    struct sql_shifts shifts = {0};

    if (since.len > 0) {
        (void)sql_put_since(t->mem, sql->text, since, &shifts);
    }
    t->err.position = sql_shift_back(&shifts, t->err.position);
    sql_place(sql->text, t->err.position ? t->err.position : 1, &out->line, &out->column);
}

static bool plan_find(struct task *t, struct plan_product *p, const struct model_sql *sql)
{
    struct place place = {.file = sql->path};
    struct finding *finding;

    if (!plan_is_of_text(t->err.code)) {
        return false;
    }
    plan_place_text(t, p->definition, sql, &place);
    t->err.place = place;
    finding = report_error(p->report, &t->err);
    finding->excerpt = sql_caret(p->report->mem, sql->text, t->err.position);
    task_clear_error(t);
    return true;
}

static const struct job_column *plan_find_column(const struct job_columns *columns, str name)
{
    for (size_t i = 0; i < columns->len; i++) {
        if (str_eq_nocase(columns->at[i].name, name)) {
            return &columns->at[i];
        }
    }
    return NULL;
}

static void plan_check_result(struct task *t, struct plan_product *p, const struct model_sql *sql,
                              const struct contract_table *table, const struct job_columns *result)
{
    struct place place = {.file = sql->path, .line = 1, .column = 1};
    struct str_list names = {0};
    struct map by_name; /* of columns that differ by case alone, the first */

    map_init_nocase(&by_name, t->mem);
    for (size_t i = 0; i < result->len; i++) {
        vec_push(t->mem, &names, result->at[i].name);
        if (map_find(&by_name, result->at[i].name) == NULL) {
            map_put(&by_name, result->at[i].name, &result->at[i]);
        }
    }
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct contract_column *wanted = &table->columns.at[i];
        const struct job_column *found = map_find(&by_name, wanted->name);
        struct finding *finding;

        if (found == NULL) {
            finding = report_add(p->report, FINDING_ERROR, ERR_UNKNOWN_COLUMN, place,
                                 "the result has no column %.*s, which contract %.*s promises",
                                 STR_ARG(wanted->name), STR_ARG(wanted->place.file));
            finding->found = str_list_join(t->mem, &names, STR(", "));
            finding->allowed =
                arena_format(t->mem, "%.*s %.*s", STR_ARG(wanted->name), STR_ARG(wanted->type));
        } else if (!contract_type_widens(found->type, wanted->type)) {
            finding = report_add(p->report, FINDING_ERROR, ERR_TYPE, place,
                                 "column %.*s of the result has another type than the contract",
                                 STR_ARG(wanted->name));
            finding->found = found->type;
            finding->allowed = wanted->type;
            finding->hint = arena_format(t->mem, "write CAST(… AS %.*s) AS %.*s",
                                         STR_ARG(wanted->type), STR_ARG(wanted->name));
        }
    }
    for (size_t i = 0; i < result->len; i++) {
        if (contract_find_column(table, arena_lower(t->mem, result->at[i].name)) == NULL
            && contract_find_column(table, result->at[i].name) == NULL) {
            struct finding *finding =
                report_add(p->report, FINDING_WARNING, ERR_UNKNOWN_COLUMN, place,
                           "column %.*s of the result is not in the contract and is left out",
                           STR_ARG(result->at[i].name));
            finding->hint = STR("add it to the contract, or take it out of the SELECT");
        }
    }
}

/* A file holds no integer of more than 64 bits, which a sum of integers is: an internal table says by itself what it stores. */
static void plan_check_stored(struct task *t, struct plan_product *p, const struct model_sql *sql,
                              const struct job_columns *result)
{
    for (size_t i = 0; i < result->len; i++) {
        const struct job_column *column = &result->at[i];
        struct finding *finding;

        if (str_find(column->type, STR("HUGEINT")) == column->type.len) {
            continue;
        }
        finding = report_add(p->report, FINDING_ERROR, ERR_TYPE,
                             (struct place){.file = sql->path, .line = 1, .column = 1},
                             "column %.*s of internal table %.*s cannot be stored without loss",
                             STR_ARG(column->name), STR_ARG(sql->table));
        finding->found = column->type;
        finding->hint =
            arena_format(t->mem, "write CAST(… AS BIGINT) or CAST(… AS DECIMAL(38,0)) AS %.*s",
                         STR_ARG(column->name));
    }
}

/* Of the port that a schema of the text is; NULL for `self`. */
static const struct model_input *plan_port(const struct plan_product *p, str schema)
{
    for (size_t i = 0; i < p->definition->inputs.len; i++) {
        if (str_eq_nocase(p->definition->inputs.at[i].name, schema)) {
            return &p->definition->inputs.at[i];
        }
    }
    return NULL;
}

/* A port that says which columns the product needs says all of them. */
static void plan_check_named(struct task *t, struct plan_product *p, struct place place,
                             const struct lineage_input *read, str column)
{
    const struct model_input *port = plan_port(p, read->schema);
    struct finding *finding;

    if (port == NULL || model_input_names(port, read->name, column)) {
        return;
    }
    finding =
        report_add(p->report, FINDING_ERROR, ERR_UNKNOWN_COLUMN, place,
                   "%.*s.%.*s.%.*s is read, which is not among the columns of input port %.*s",
                   STR_ARG(port->name), STR_ARG(read->name), STR_ARG(column), STR_ARG(port->name));
    finding->hint = arena_format(t->mem,
                                 "add %.*s to columns of the port in %.*s, or do not read it; "
                                 "SELECT * reads all columns",
                                 STR_ARG(column), STR_ARG(p->definition->file));
}

static int plan_compare_edges(const void *a, const void *b)
{
    const struct lineage_edge *x = a, *y = b;

    return x->input != y->input ? (x->input > y->input) - (x->input < y->input)
                                : (x->column > y->column) - (x->column < y->column);
}

static void plan_check_pins(struct task *t, struct plan_product *p, const struct model_sql *sql,
                            const struct lineage *lineage)
{
    struct place place = {.file = sql->path, .line = 1, .column = 1};
    struct lineage_edges read = {0};

    for (size_t i = 0; i < lineage->outputs.len; i++) {
        for (size_t j = 0; j < lineage->outputs.at[i].edges.len; j++) {
            vec_push(t->mem, &read, lineage->outputs.at[i].edges.at[j]);
        }
    }
    for (size_t i = 0; i < lineage->rows.len; i++) {
        vec_push(t->mem, &read, lineage->rows.at[i]);
    }
    if (read.len > 0) {
        qsort(read.at, read.len, sizeof(*read.at), plan_compare_edges);
    }
    for (size_t i = 0; i < read.len; i++) {
        const struct lineage_input *input = &p->inputs->at[read.at[i].input];

        if (i == 0 || plan_compare_edges(&read.at[i - 1], &read.at[i]) != 0) {
            plan_check_named(t, p, place, input, input->columns.at[read.at[i].column].name);
        }
    }
}

/* Where the columns of the result come from, through internal tables to those of the input ports. */
static void plan_trace(struct task *t, struct plan_product *p, const struct model_sql *sql,
                       const struct sql_tree *tree, const struct job_columns *result)
{
    struct str_list names = {0};
    const struct lineage *lineage;

    for (size_t i = 0; i < result->len; i++) {
        vec_push(t->mem, &names, result->at[i].name);
    }
    for (size_t i = 0; i < p->between.len; i++) {
        str name = p->inputs->at[p->between.at[i].input].name;

        p->between.at[i].is_read = false;
        for (size_t j = 0; j < tree->tables.len; j++) {
            p->between.at[i].is_read = p->between.at[i].is_read
                                    || (str_eq_nocase(tree->tables.at[j].schema, STR("self"))
                                        && str_eq_nocase(tree->tables.at[j].name, name));
        }
    }
    lineage = lineage_read(t->mem, tree, p->inputs, &names);
    plan_check_pins(t, p, sql, lineage);
    lineage = lineage_through(t->mem, p->inputs, lineage, p->between.at, p->between.len);
    if (!sql->is_internal) {
        vec_push(t->mem, p->traces,
                 ((struct label_trace){p->definition, sql->table, p->inputs, lineage}));
    } else if (result->len > 0) {
        /* It is the next input. */
        vec_push(t->mem, &p->between,
                 ((struct lineage_between){.input = (uint32_t)p->inputs->len, .lineage = lineage}));
    }
}

/* False only when the machine fails; findings leave the result without columns. */
static bool plan_check_text(struct task *t, struct plan_product *p, const struct model_sql *sql,
                            const struct sql_tree *tree, struct job_columns *result)
{
    struct engine_job job;

    if (!gate_sketch(t, tree, &p->scope, &job) || !gate_describe(t, p->worker, &job, result)) {
        return plan_find(t, p, sql);
    }
    if (!sql->is_internal) {
        const struct contract_table *table = model_find_table(p->definition, sql->table, NULL);
        plan_check_result(t, p, sql, table, result);
    } else {
        plan_check_stored(t, p, sql, result);
    }
    plan_trace(t, p, sql, tree, result);
    return true;
}

static bool plan_order(struct task *t, struct plan_product *p, const struct sql_unit *units,
                       size_t len, size_t *order, bool *ordered_out)
{
    *ordered_out = sql_order(t, units, len, order);
    return *ordered_out || plan_find(t, p, &p->definition->sqls.at[0]);
}

static bool plan_parse_all(struct task *t, struct plan_product *p, struct sql_unit *units,
                           size_t *parsed_out)
{
    *parsed_out = 0;
    for (size_t i = 0; i < p->definition->sqls.len; i++) {
        const struct model_sql *sql = &p->definition->sqls.at[i];
        struct sql_tree *tree;
        struct sql_shifts shifts;

        units[i] = (struct sql_unit){.name = sql->table, .is_internal = sql->is_internal};
        if (gate_parse_since(t, p->worker, sql->text, plan_since(t, p->definition, sql), &shifts,
                             &tree)) {
            units[i].tree = tree;
            (*parsed_out)++;
        } else if (!plan_find(t, p, sql)) {
            return false;
        }
    }
    return true;
}

/* What reads a table that has no columns for its own mistakes would be blamed for them. */
static bool plan_reads_broken(const struct sql_tree *tree, const struct str_list *broken)
{
    for (size_t i = 0; i < tree->tables.len; i++) {
        const struct sql_table *table = &tree->tables.at[i];

        for (size_t j = 0; str_eq_nocase(table->schema, STR("self")) && j < broken->len; j++) {
            if (str_eq_nocase(table->name, broken->at[j])) {
                return true;
            }
        }
    }
    return false;
}

static bool plan_check_texts(struct task *t, struct plan_product *p)
{
    size_t len = p->definition->sqls.len, parsed;
    struct sql_unit *units = ARENA_ARRAY(t->mem, struct sql_unit, len + 1);
    size_t *order = ARENA_ARRAY(t->mem, size_t, len + 1);
    struct str_list broken = {0};
    bool is_ordered = false;

    if (!plan_parse_all(t, p, units, &parsed)) {
        return false;
    }
    /* The types of an internal table are those of its SELECT: without all trees there is no order to find them in. */
    if (parsed < len) {
        return true;
    }
    if (!plan_order(t, p, units, len, order, &is_ordered)) {
        return false;
    }
    for (size_t i = 0; is_ordered && i < len; i++) {
        const struct model_sql *sql = &p->definition->sqls.at[order[i]];
        const struct sql_tree *tree = units[order[i]].tree;
        struct job_columns result = {0};

        if (p->compiled != NULL) {
            vec_push(t->mem, &p->compiled->texts, ((struct plan_text){sql, tree}));
        }
        if (!plan_reads_broken(tree, &broken) && !plan_check_text(t, p, sql, tree, &result)) {
            return false;
        }
        if (sql->is_internal) {
            vec_push(t->mem, &p->texts, ((struct lineage_text){sql->table, tree}));
        } else {
            plan_check_declassify(t, p->definition, sql, tree, &p->texts, p->report);
        }
        if (sql->is_internal && result.len == 0) {
            str_list_add(t->mem, &broken, sql->table);
        } else if (sql->is_internal) {
            plan_scope_input(t, p,
                             &(struct gate_input){.schema = STR("self"),
                                                  .what = "internal table",
                                                  .name = sql->table,
                                                  .columns = result});
        }
    }
    return true;
}

static void plan_trace_passed(struct task *t, struct plan_product *p, size_t input,
                              const struct contract_table *table)
{
    struct str_list names = {0};

    for (size_t i = 0; i < table->columns.len; i++) {
        vec_push(t->mem, &names, table->columns.at[i].name);
    }
    vec_push(t->mem, p->traces,
             ((struct label_trace){p->definition, table->name, p->inputs,
                                   lineage_copy(t->mem, p->inputs, (uint32_t)input, &names)}));
}

/* A table without SQL takes its columns from the input of its name: they must be there, and fit. */
static void plan_check_passed(struct task *t, struct plan_product *p,
                              const struct contract_table *table)
{
    for (size_t i = 0; i < p->scope.inputs.len; i++) {
        const struct gate_input *input = &p->scope.inputs.at[i];

        if (!str_eq(input->name, contract_table_plain(table->name))
            || str_eq(input->schema, STR("self"))) {
            continue;
        }
        plan_trace_passed(t, p, i, table);
        for (size_t j = 0; j < table->columns.len; j++) {
            const struct contract_column *wanted = &table->columns.at[j];
            const struct job_column *found = plan_find_column(&input->columns, wanted->name);

            if (found != NULL) {
                plan_check_named(t, p, wanted->place, &p->inputs->at[i], wanted->name);
            }
            if (found == NULL || !contract_type_widens(found->type, wanted->type)) {
                struct finding *finding = report_add(
                    p->report, FINDING_ERROR, found ? ERR_TYPE : ERR_UNKNOWN_COLUMN, wanted->place,
                    "column %.*s %s %.*s.%.*s, which this table is passed through from",
                    STR_ARG(wanted->name), found ? "has another type in" : "is not in",
                    STR_ARG(input->schema), STR_ARG(input->name));
                finding->found = found ? found->type : STR_NONE;
                finding->allowed = wanted->type;
                finding->hint = arena_format(
                    t->mem, "write %.*s, a SELECT that makes it",
                    STR_ARG(str_from(model_table_file(t->mem, p->definition->folder, table->name),
                                     p->definition->folder.len + 1)));
            }
        }
        return;
    }
}

static bool plan_check_product(struct task *t, struct plan_product *p)
{
    plan_scope_inputs(t, p);
    for (size_t i = 0; i < p->definition->outputs.len; i++) {
        const struct contract *contract = p->definition->outputs.at[i].contract;

        for (size_t j = 0; j < contract->tables.len; j++) {
            if (model_is_passed_through(p->definition, contract->tables.at[j].name)) {
                plan_check_passed(t, p, &contract->tables.at[j]);
            }
        }
    }
    return plan_check_texts(t, p);
}

bool plan_check_sql(struct task *t, struct engine *engine, const struct model *model,
                    const struct pointer_map *unaffected, struct report *report,
                    struct label_traces *traces, struct plan_compiled_list *compiled)
{
    struct worker *worker = NULL;
    /* Texts that strangers wrote: whoever took the worker over must not check another one's. */
    str owner = t->actor != NULL
                  ? arena_format(t->mem, "plan:%.*s", STR_ARG(actor_key(t->mem, t->actor)))
                  : STR("plan");

    for (size_t i = 0; i < model->products.len; i++) {
        const struct model_product *definition = model->products.at[i];

        if (unaffected != NULL && pointer_map_find(unaffected, definition) != NULL) {
            continue;
        }
        /* What the scope is a build of: its address is in messages. */
        struct image_product *target = ARENA_NEW(t->mem, struct image_product);
        struct plan_product p = {
            .engine = engine,
            .definition = definition,
            .report = report,
            .inputs = ARENA_NEW(t->mem, struct lineage_inputs),
            .traces = traces,
            .compiled = compiled != NULL ? vec_add(t->mem, compiled) : NULL,
            .scope = {.product = target},
        };

        target->address = definition->address;
        target->definition = definition;

        if (definition->sqls.len > 0 && worker == NULL
            && !engine_lend(t, engine, WORKER_BUILD, owner, (struct engine_reach){0}, &worker)) {
            return false;
        }
        p.worker = worker;
        if (!plan_check_product(t, &p)) {
            return false;
        }
        if (compiled != NULL) {
            p.compiled->definition = definition;
            p.compiled->scope = p.scope;
        }
    }
    if (worker != NULL) {
        engine_return(t, worker);
    }
    return true;
}
