/* Declassifications, proved on the very rows that are to be published. */
#include "run_inside.h"

static const struct run_trace *run_find_trace(const struct run *r, str table)
{
    for (size_t i = 0; i < r->traces.len; i++) {
        if (str_eq(r->traces.at[i].table, table)) {
            return &r->traces.at[i];
        }
    }
    return NULL;
}

static const struct check_fact *run_find_fact(const struct run_table *table, str column)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        for (size_t k = 0;
             str_eq_nocase(table->columns.at[i].name, column) && k < table->fact_count; k++) {
            if (table->facts[k].column_id == table->columns.at[i].id) {
                return &table->facts[k];
            }
        }
    }
    return NULL;
}

/* The least number of subjects is a fact of the column that counts them. */
static bool run_prove_aggregate(struct task *t, const struct run *r, const struct run_table *table,
                                const struct contract_column *column, str *found)
{
    const struct contract_declassify *d = &column->declassify;
    const struct run_trace *trace = run_find_trace(r, table->name);
    str counted_by = STR_NONE, why = STR("the table has no SELECT");
    const struct check_fact *fact;
    uint64_t least = 0;

    if (trace == NULL || trace->tree == NULL
        || !lineage_counts_subjects(t->mem, trace->tree, &r->tracing.texts, column->name,
                                    d->subject, &counted_by, &why)) {
        *found = why;
        return false;
    }
    fact = run_find_fact(table, counted_by);
    if (table->rows == 0) {
        *found = STR("no rows");
        return true;
    }
    if (fact == NULL || !fact->has_range || fact->nulls > 0 || !str_to_u64(fact->low, &least)) {
        *found = arena_format(t->mem, "%.*s does not count the subjects of every row",
                              STR_ARG(counted_by));
        return false;
    }
    *found = arena_format(t->mem, "a group of %llu", (unsigned long long)least);
    return least >= d->k;
}

static bool run_prove_constant(struct task *t, const struct run_table *table,
                               const struct contract_column *column, str *found)
{
    const struct check_fact *fact = run_find_fact(table, column->name);
    size_t values = fact != NULL ? fact->values.len + (fact->nulls > 0) : 0;

    if (fact == NULL || !fact->has_values) {
        *found = STR("many values");
        return table->rows == 0;
    }
    *found = arena_format(t->mem, "%zu value%s", values, values == 1 ? "" : "s");
    return values <= 1;
}

/* Every column that it is made of was hashed before the build saw it. */
static bool run_prove_hash(struct task *t, const struct run *r, const struct run_table *table,
                           const struct contract_column *column, str *found)
{
    const struct run_trace *trace = run_find_trace(r, table->name);

    for (size_t i = 0; trace != NULL && i < trace->lineage->outputs.len; i++) {
        const struct lineage_output *output = &trace->lineage->outputs.at[i];

        for (size_t k = 0; str_eq_nocase(output->name, column->name) && k < output->edges.len;
             k++) {
            const struct lineage_edge *edge = &output->edges.at[k];
            const struct lineage_input *input = &trace->inputs->at[edge->input];
            str name =
                arena_lower(t->mem, arena_format(t->mem, "%.*s.%.*s.%.*s", STR_ARG(input->schema),
                                                 STR_ARG(input->name),
                                                 STR_ARG(input->columns.at[edge->column].name)));

            if (!str_list_has(&r->tracing.hashed, name)) {
                *found = arena_format(t->mem, "%.*s is no keyed hash", STR_ARG(name));
                return false;
            }
        }
    }
    *found = STR("keyed hashes alone");
    return trace != NULL;
}

static bool run_prove_column(struct task *t, const struct run *r, const struct run_table *table,
                             const struct contract_column *column, str *expected, str *found)
{
    switch (column->declassify.method) {
    case DECLASSIFY_AGGREGATE:
        *expected = arena_format(t->mem, "at least %llu distinct %.*s in every group",
                                 (unsigned long long)column->declassify.k,
                                 STR_ARG(column->declassify.subject));
        return run_prove_aggregate(t, r, table, column, found);
    case DECLASSIFY_KEYED_HASH:
        *expected = STR("keyed hashes alone");
        return run_prove_hash(t, r, table, column, found);
    case DECLASSIFY_CONSTANT:
        *expected = STR("one value");
        return run_prove_constant(t, table, column, found);
    case DECLASSIFY_NONE:
        break;
    }
    return true;
}

static void run_add_verdict(struct task *t, struct run_table *table,
                            const struct contract_column *column, bool ok, str expected, str found)
{
    struct check_result *all = ARENA_ARRAY(t->mem, struct check_result, table->verdict_count + 1);
    struct contract_rule *rule = ARENA_NEW(t->mem, struct contract_rule);

    rule->id = arena_format(t->mem, "declassify-%.*s", STR_ARG(column->name));
    rule->name = arena_format(t->mem, "%.*s is declassified by %s", STR_ARG(column->name),
                              contract_declassify_name(column->declassify.method));
    rule->kind = RULE_CUSTOM;
    rule->effect = RULE_REJECTS;
    rule->dimension = STR("confidentiality");
    rule->place = column->declassify.place;
    vec_push(t->mem, &rule->columns, column->name);
    for (size_t i = 0; i < table->verdict_count; i++) {
        all[i] = table->verdicts[i];
    }
    all[table->verdict_count++] = (struct check_result){
        .rule = rule,
        .verdict = ok ? VERDICT_PASS : VERDICT_FAIL,
        .expected = expected,
        .found = found,
        .rows = table->rows,
        .message = arena_format(t->mem, "%.*s: expected %.*s, found %.*s", STR_ARG(rule->name),
                                STR_ARG(expected), STR_ARG(found)),
    };
    table->verdicts = all;
}

bool run_prove(struct task *t, struct run *r)
{
    size_t failed = 0;
    str first = STR_NONE;

    for (size_t i = 0; i < r->outputs.len; i++) {
        struct run_table *table = &r->outputs.at[i];

        for (size_t k = 0; k < table->definition->columns.len; k++) {
            const struct contract_column *column = &table->definition->columns.at[k];
            str expected = STR_NONE, found = STR_NONE;

            if (column->declassify.method == DECLASSIFY_NONE) {
                continue;
            }
            bool ok = run_prove_column(t, r, table, column, &expected, &found);

            run_add_verdict(t, table, column, ok, expected, found);
            if (!ok && failed++ == 0) {
                first = arena_format(t->mem, "column %.*s of %.*s: expected %.*s, found %.*s",
                                     STR_ARG(column->name), STR_ARG(table->name), STR_ARG(expected),
                                     STR_ARG(found));
            }
        }
    }
    if (failed == 0) {
        return true;
    }
    task_fail(t, ERR_CHECK_FAILED,
              "%zu declassification%s of %.*s %s not proven: the run is rejected", failed,
              failed > 1 ? "s" : "", STR_ARG(r->product), failed > 1 ? "are" : "is");
    task_detail(t, "%.*s", STR_ARG(first));
    return task_hint(t, "leave small groups out with HAVING, or let the column keep its labels");
}
