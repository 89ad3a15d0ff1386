/* Which rows of a source an incremental table needs: where nothing else reads it, no others are asked for. */
#include "buf/buf.h"
#include "limits/limits.h"
#include "run_inside.h"
#include "source/source.h"
#include "sql/sql_since.h"

/* One whose answer hangs on all rows of the table, though it be a rule of another. */
static bool run_compares(struct task *t, const struct run *r, const struct contract *contract,
                         const struct contract_rule *rule, str table)
{
    str query = arena_lower(t->mem, rule->query);
    struct model_relation relation;

    if (rule->kind == RULE_RELATIONSHIP) {
        return !model_find_relation(t->mem, r->target->definition, contract, rule, &relation)
            || str_eq(relation.table->name, table);
    }
    return str_find(query, table) < query.len || str_find(query, STR("u&")) < query.len;
}

static bool run_is_in_rules(struct task *t, const struct run *r, const struct contract *contract,
                            str table)
{
    for (size_t i = 0; i < contract->tables.len; i++) {
        for (size_t k = 0; k < contract->tables.at[i].rules.len; k++) {
            if (run_compares(t, r, contract, &contract->tables.at[i].rules.at[k], table)) {
                return true;
            }
        }
    }
    return false;
}

/* Could another text read it? Its name must stand in it then. */
static bool run_may_be_read(struct task *t, const struct run *r, str table,
                            const struct model_sql *but)
{
    for (size_t i = 0; i < r->inputs.len; i++) {
        if (run_is_in_rules(t, r, r->inputs.at[i].input->contract, table)) {
            return true;
        }
    }
    for (size_t i = 0; i < r->target->definition->outputs.len; i++) {
        const struct contract *contract = r->target->definition->outputs.at[i].contract;

        for (size_t k = 0; k < contract->tables.len; k++) {
            for (size_t j = 0; j < contract->tables.at[k].rules.len; j++) {
                const struct contract_rule *rule = &contract->tables.at[k].rules.at[j];

                /* The tables that a sql rule of an output names are outputs. */
                if (rule->kind == RULE_RELATIONSHIP && run_compares(t, r, contract, rule, table)) {
                    return true;
                }
            }
        }
    }
    for (size_t i = 0; i < r->target->definition->sqls.len; i++) {
        str text = arena_lower(t->mem, r->target->definition->sqls.at[i].text);

        if (&r->target->definition->sqls.at[i] != but
            && (str_find(text, table) < text.len || str_find(text, STR("u&")) < text.len)) {
            return true;
        }
    }
    return false;
}

/* ---- a table with SQL */

static const struct model_sql *run_sql_of(const struct run *r, str table)
{
    for (size_t i = 0; i < r->target->definition->sqls.len; i++) {
        const struct model_sql *sql = &r->target->definition->sqls.at[i];

        if (!sql->is_internal && str_eq(sql->table, table)) {
            return sql;
        }
    }
    return NULL;
}

/* The source's table that it means, and its column; false with a reason. */
static bool run_find_source(struct task *t, const struct run *r, const struct run_increment *inc,
                            const struct model_sql *sql, const struct sql_since *since,
                            struct run_pushed *out)
{
    const struct contract_table *table = NULL;

    for (size_t i = 0; i < r->inputs.len; i++) {
        const struct model_input *input = r->inputs.at[i].input;

        for (size_t k = 0; r->inputs.at[i].producer == NULL && k < input->contract->tables.len;
             k++) {
            if (str_eq_nocase(input->name, since->schema)
                && str_eq_nocase(input->contract->tables.at[k].name, since->table)) {
                table = &input->contract->tables.at[k];
                out->schema = input->name;
            }
        }
    }
    if (table == NULL) {
        out->why = STR("it reads no source there");
        return false;
    }
    out->table = table->name;
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct contract_column *column = &table->columns.at[i];

        out->column = str_eq_nocase(column->name, since->column) ? column : out->column;
        /* What looks like table.column may be a field of a column then. */
        if (since->qualifier.len > 0 && str_eq_nocase(column->name, since->qualifier)) {
            out->why = STR("a column is called as the table");
            return false;
        }
    }
    if (out->column == NULL || !str_eq(out->column->type, model_key_type(inc->definition))) {
        out->why = STR("the column of the source is not of the type of the key");
        return false;
    }
    if (run_may_be_read(t, r, arena_lower(t->mem, table->name), sql)) {
        out->why = STR("another text or rule names the table");
        return false;
    }
    return true;
}

static bool run_find_push(struct task *t, struct run *r, const struct run_increment *inc,
                          const struct model_sql *sql, struct worker *worker)
{
    struct run_pushed *out = vec_add(t->mem, &r->pushed);
    struct sql_since since;
    struct sql_shifts shifts;
    struct sql_tree *tree;

    *out = (struct run_pushed){.of = inc->table->name};
    /* What is wrong with a text is told where it runs. */
    if (!gate_parse_since(t, worker, sql->text, run_since_text(t, r, sql), &shifts, &tree)) {
        if (!error_is_of_sql(t->err.code)) {
            return false;
        }
        task_clear_error(t);
        out->why = STR("its SQL cannot be read");
        return true;
    }
    if (sql_find_since(t->mem, tree, inc->since, model_key_type(inc->definition), &since, &out->why)
        && run_find_source(t, r, inc, sql, &since, out)) {
        out->range = (struct source_range){.column = out->column,
                                           .type = model_key_type(inc->definition),
                                           .low = inc->since,
                                           .is_low_in = since.is_in};
    }
    return true;
}

bool run_find_pushed(struct task *t, struct run *r)
{
    str owner = arena_format(t->mem, "product:%.*s", STR_ARG(r->product));
    struct worker *worker = NULL;

    for (size_t i = 0; i < r->increments.len; i++) {
        const struct run_increment *inc = &r->increments.at[i];
        const struct model_sql *sql = run_sql_of(r, inc->table->name);

        if (inc->why_full.len > 0 || sql == NULL) {
            continue;
        }
        if ((worker == NULL
             && !engine_lend(t, r->services->engine, WORKER_BUILD, owner, (struct engine_reach){0},
                             &worker))
            || !run_find_push(t, r, inc, sql, worker)) {
            return false;
        }
    }
    if (worker != NULL) {
        engine_return(t, worker);
    }
    return true;
}

/* ---- for the extraction */

static bool run_limit_passed(struct task *t, const struct run *r, str schema,
                             struct source_table *table, struct run_pushed *out)
{
    const struct run_increment *inc = run_find_increment(r, table->table->name);
    const struct contract_column *key;

    if (inc == NULL || !model_is_passed_through(r->target->definition, table->table->name)
        || run_may_be_read(t, r, arena_lower(t->mem, table->table->name), NULL)) {
        return false;
    }
    key = contract_find_column(table->table, inc->definition->incremental.key);
    if (key == NULL) {
        return false;
    }
    *out = (struct run_pushed){.of = inc->table->name,
                               .schema = schema,
                               .table = table->table->name,
                               .column = key,
                               .range = {.column = key,
                                         .type = model_key_type(inc->definition),
                                         .low = inc->low,
                                         .high = inc->high,
                                         .is_low_in = inc->is_low_in}};
    return true;
}

void run_limit_source(struct task *t, struct run *r, str schema, struct source_table *table)
{
    struct run_pushed passed;

    for (size_t i = 0; i < r->pushed.len; i++) {
        const struct run_pushed *pushed = &r->pushed.at[i];

        if (pushed->range.column != NULL && str_eq(pushed->schema, schema)
            && str_eq(pushed->table, table->table->name)) {
            table->range = pushed->range;
            return;
        }
    }
    if (run_limit_passed(t, r, schema, table, &passed)) {
        vec_push(t->mem, &r->pushed, passed);
        table->range = passed.range;
    }
}

static void run_add_bound(struct buf *b, const struct source_range *range, const char *sign,
                          str bound)
{
    buf_add(b, b->len > 0 ? STR(" AND ") : STR(""));
    buf_add_identifier(b, range->column->name);
    buf_format(b, " %s CAST(", sign);
    buf_add_literal(b, bound);
    buf_format(b, " AS %.*s)", STR_ARG(range->type));
}

str run_range_condition(struct task *t, const struct source_range *range)
{
    struct buf *b = buf_new(t->mem, PATH_BYTES_MAX);

    if (range->low.len > 0) {
        run_add_bound(b, range, range->is_low_in ? ">=" : ">", range->low);
    }
    if (range->high.len > 0) {
        run_add_bound(b, range, "<=", range->high);
    }
    return buf_str(b);
}

str run_range_text(struct arena *mem, const struct source_range *range)
{
    str low = range->low.len == 0
                ? STR_NONE
                : arena_format(mem, "%.*s %s %.*s", STR_ARG(range->column->name),
                               range->is_low_in ? ">=" : ">", STR_ARG(range->low));
    str high =
        range->high.len == 0
            ? STR_NONE
            : arena_format(mem, "%.*s <= %.*s", STR_ARG(range->column->name), STR_ARG(range->high));

    return arena_format(mem, "%.*s%s%.*s", STR_ARG(low), low.len && high.len ? " and " : "",
                        STR_ARG(high));
}
