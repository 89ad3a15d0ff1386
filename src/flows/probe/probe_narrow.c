/* Of rows that lie in text, only what later questions read is written down: columns of rules that compare rows, columns of the contract's own
 * queries, and one number a row for all that a look at the row itself can tell. */
#include "buf/buf.h"
#include "gate.h"
#include "limits/limits.h"
#include "lineage/lineage.h"
#include "probe/probe_trial.h"

#define PROBE_FLAGS STR("weft_flags")

static bool probe_has_relations(const struct probe_trial *trial)
{
    for (size_t i = 0; i < trial->len; i++) {
        const struct contract_table *table = trial->tables[i].source->table;

        for (size_t j = 0; j < table->rules.len; j++) {
            if (table->rules.at[j].kind == RULE_RELATIONSHIP) {
                return true;
            }
        }
    }
    return false;
}

static void probe_need(struct task *t, struct probe_live *live, str column)
{
    if (!str_list_has(&live->needed, column)) {
        str_list_add(t->mem, &live->needed, column);
    }
}

static void probe_need_all(struct task *t, struct probe_trial *trial)
{
    for (size_t i = 0; i < trial->len; i++) {
        struct probe_live *live = &trial->tables[i];

        for (size_t j = 0; j < live->source->columns.len; j++) {
            probe_need(t, live, live->source->columns.at[j].name);
        }
    }
}

static void probe_need_edges(struct task *t, struct probe_trial *trial,
                             const struct lineage_edges *edges)
{
    for (size_t i = 0; i < edges->len; i++) {
        struct probe_live *live = &trial->tables[edges->at[i].input];

        probe_need(t, live, live->source->columns.at[edges->at[i].column].name);
    }
}

static struct lineage_inputs probe_lineage_inputs(struct task *t, const struct probe_trial *trial)
{
    struct lineage_inputs inputs = {0};

    for (size_t i = 0; i < trial->len; i++) {
        const struct source_table *source = trial->tables[i].source;
        struct lineage_input *input = vec_add(t->mem, &inputs);

        input->schema = PROBE_SCHEMA;
        input->name = source->table->name;
        for (size_t j = 0; j < source->columns.len; j++) {
            vec_push(t->mem, &input->columns,
                     ((struct lineage_column){.name = source->columns.at[j].name,
                                              .type = source->columns.at[j].type}));
        }
    }
    return inputs;
}

/* Lineage never tells fewer columns than a text reads. A text that is none is told when it is asked. */
static bool probe_need_of_text(struct task *t, struct probe_trial *trial, str text)
{
    struct lineage_inputs inputs = probe_lineage_inputs(t, trial);
    const struct lineage *lineage;
    struct sql_tree *tree;

    if (!probe_lend_builder(t, trial)) {
        return false;
    }
    if (!gate_parse(t, trial->builder, text, &tree)) {
        task_clear_error(t);
        return true;
    }
    lineage = lineage_read(t->mem, tree, &inputs, NULL);
    if (lineage->is_everything || lineage->is_open || sql_hides_alias(t->mem, text)) {
        probe_need_all(t, trial);
        return true;
    }
    probe_need_edges(t, trial, &lineage->rows);
    for (size_t i = 0; i < lineage->outputs.len; i++) {
        probe_need_edges(t, trial, &lineage->outputs.at[i].edges);
    }
    return true;
}

static bool probe_takes_flags(const struct probe_live *live)
{
    for (size_t i = 0; i < live->source->columns.len; i++) {
        if (str_eq_nocase(live->source->columns.at[i].name, PROBE_FLAGS)) {
            return false;
        }
    }
    return true;
}

static bool probe_narrow_table(struct task *t, struct probe_trial *trial, struct probe_live *live)
{
    str view = probe_view(t->mem, live);

    if (!check_compile(t->mem, live->source->table, view, &live->source->columns, NULL,
                       &live->plan)) {
        return true;
    }
    for (size_t i = 0; i < live->plan.selects.len; i++) {
        const struct check_select *select = &live->plan.selects.at[i];

        if (select->is_foreign && !probe_need_of_text(t, trial, select->text)) {
            return false;
        }
    }
    if (live->source->quick.len > 0 && live->is_judged && probe_takes_flags(live)) {
        live->is_narrow =
            check_flag(t->mem, &live->plan, view, PROBE_FLAGS, &live->flags, &live->needed);
    }
    return true;
}

bool probe_narrow(struct task *t, struct probe_trial *trial)
{
    bool is_quick = false;

    for (size_t i = 0; i < trial->len; i++) {
        is_quick = is_quick
                || (trial->tables[i].problem.len == 0 && trial->tables[i].source->quick.len > 0);
    }
    if (!is_quick || probe_has_relations(trial)) {
        return true;
    }
    for (size_t i = 0; i < trial->len; i++) {
        if (trial->tables[i].problem.len == 0 && !probe_narrow_table(t, trial, &trial->tables[i])) {
            return false;
        }
    }
    return true;
}

void probe_narrow_job(struct task *t, const struct probe_live *live, struct engine_job *job)
{
    struct buf *b = buf_new(t->mem, SOURCE_SQL_BYTES_MAX * 2);

    job->text = live->source->quick;
    job->columns = live->source->columns;
    if (!live->is_narrow) {
        return;
    }
    job->columns.at = NULL;
    job->columns.len = job->columns.cap = 0;
    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < live->source->columns.len; i++) {
        const struct job_column *column = &live->source->columns.at[i];

        if (str_list_has(&live->needed, column->name)) {
            vec_push(t->mem, &job->columns, *column);
            buf_add_identifier(b, column->name);
            buf_add(b, STR(", "));
        }
    }
    vec_push(t->mem, &job->columns,
             ((struct job_column){.name = PROBE_FLAGS, .type = STR("UBIGINT")}));
    buf_format(b, "%.*s AS ", STR_ARG(live->flags));
    buf_add_identifier(b, PROBE_FLAGS);
    buf_format(b, " FROM (%.*s)", STR_ARG(live->source->quick));
    job->text = buf_str(b);
}
