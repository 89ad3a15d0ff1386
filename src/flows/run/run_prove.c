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

/* What the facts of all parts say of a column. */
struct run_proof {
    bool is_known;   /* each part has a range, and no null */
    uint64_t least;  /* where they are whole numbers */
    bool has_values; /* they are all listed */
    struct str_list values;
    uint64_t nulls;
};

static void run_add_fact(struct arena *mem, const struct check_fact *fact, struct run_proof *out)
{
    uint64_t low = 0;

    out->is_known =
        out->is_known && fact->has_range && fact->nulls == 0 && str_to_u64(fact->low, &low);
    out->least = low < out->least ? low : out->least;
    out->nulls += fact->nulls;
    out->has_values = out->has_values && fact->has_values;
    for (size_t i = 0; i < fact->values.len; i++) {
        str_list_add(mem, &out->values, fact->values.at[i]);
    }
}

/* Of a file that stays: with deletions they are bounds, which prove no more than is so. */
static void run_add_kept_fact(struct arena *mem, const struct run_table *table,
                              const struct image_file *file, str column, struct run_proof *out)
{
    const struct image_fact *known = NULL;

    for (size_t k = 0; k < table->columns.len; k++) {
        if (str_eq_nocase(table->columns.at[k].name, column)) {
            known = run_find_fact(file, table->columns.at[k].id);
        }
    }
    if (known == NULL) {
        out->is_known = out->has_values = false;
        return;
    }
    run_add_fact(mem,
                 &(struct check_fact){.has_range = known->has_range,
                                      .low = known->low,
                                      .high = known->high,
                                      .nulls = known->nulls,
                                      .has_values = known->has_values,
                                      .values = known->values},
                 out);
}

static void run_sum_facts(struct arena *mem, const struct run_table *table, str column,
                          struct run_proof *out)
{
    *out = (struct run_proof){.is_known = true, .least = UINT64_MAX, .has_values = true};
    for (size_t i = 0; i < table->parts.len; i++) {
        const struct check_fact *found = NULL;

        for (size_t k = 0; table->parts.at[i].rows > 0 && k < table->columns.len; k++) {
            if (str_eq_nocase(table->columns.at[k].name, column)) {
                found = &table->parts.at[i].facts[k];
            }
        }
        if (found != NULL) {
            run_add_fact(mem, found, out);
        } else if (table->parts.at[i].rows > 0) {
            out->is_known = out->has_values = false;
        }
    }
    for (size_t i = 0; table->increment != NULL && i < table->increment->kept.len; i++) {
        run_add_kept_fact(mem, table, table->increment->kept.at[i].file, column, out);
    }
}

/* The least number of subjects is a fact of the column that counts them. */
static bool run_prove_aggregate(struct task *t, const struct run *r, const struct run_table *table,
                                const struct contract_column *column, str *found)
{
    const struct contract_declassify *d = &column->declassify;
    const struct run_trace *trace = run_find_trace(r, table->name);
    str counted_by = STR_NONE, why = STR("the table has no SELECT");
    struct run_proof proof;

    if (trace == NULL || trace->tree == NULL
        || !lineage_counts_subjects(t->mem, trace->tree, &r->tracing.texts, column->name,
                                    d->subject, &counted_by, &why)) {
        *found = why;
        return false;
    }
    if (run_table_rows(table) == 0) {
        *found = STR("no rows");
        return true;
    }
    run_sum_facts(t->mem, table, counted_by, &proof);
    if (!proof.is_known) {
        *found = arena_format(t->mem, "%.*s does not count the subjects of every row",
                              STR_ARG(counted_by));
        return false;
    }
    *found = arena_format(t->mem, "a group of %llu", (unsigned long long)proof.least);
    return proof.least >= d->k;
}

static bool run_prove_constant(struct task *t, const struct run_table *table,
                               const struct contract_column *column, str *found)
{
    struct run_proof proof;

    run_sum_facts(t->mem, table, column->name, &proof);
    if (!proof.has_values) {
        *found = STR("many values");
        return run_table_rows(table) == 0;
    }
    size_t values = proof.values.len + (proof.nulls > 0);
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
        .rows = run_table_rows(table),
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
