/* Declassifications: what no rows could prove is refused before there are any. */
#include "plan_inside.h"

static struct finding *plan_unproven(struct report *report, const struct contract_column *column,
                                     str why)
{
    struct finding *finding =
        report_add(report, FINDING_ERROR, ERR_INVALID, column->declassify.place,
                   "column %.*s cannot be declassified by %s: %.*s", STR_ARG(column->name),
                   contract_declassify_name(column->declassify.method), STR_ARG(why));

    return finding;
}

void plan_check_declassify(struct task *t, const struct model_product *product,
                           const struct model_sql *sql, const struct sql_tree *tree,
                           const struct lineage_texts *internal, struct report *report)
{
    const struct contract_table *table = model_find_table(product, sql->table, NULL);

    for (size_t i = 0; table != NULL && i < table->columns.len; i++) {
        const struct contract_column *column = &table->columns.at[i];
        str counted_by, why;

        if (column->declassify.method != DECLASSIFY_AGGREGATE) {
            continue;
        }
        if (!lineage_counts_subjects(t->mem, tree, internal, column->name,
                                     column->declassify.subject, &counted_by, &why)) {
            plan_unproven(report, column, why);
        } else if (contract_find_column(table, counted_by) == NULL) {
            plan_unproven(report, column,
                          arena_format(t->mem,
                                       "%.*s, which counts the subjects, is not in the contract",
                                       STR_ARG(counted_by)));
        }
    }
}

/* A hash comes from a policy's mask, which no source has; a constant is copied or computed from nothing that has labels. */
static str plan_why_not(const struct label_trace *trace, const struct lineage_output *output,
                        enum declassify_method method)
{
    for (size_t i = 0; i < output->edges.len; i++) {
        const struct lineage_edge *edge = &output->edges.at[i];
        bool is_direct = edge->kind <= LINEAGE_AGGREGATION;

        if (method == DECLASSIFY_CONSTANT && is_direct) {
            return STR("its value is made of a column: a value that stands alone is no constant");
        }
        for (size_t k = 0; method == DECLASSIFY_KEYED_HASH && k < trace->product->inputs.len; k++) {
            const struct model_input *port = &trace->product->inputs.at[k];

            if (str_eq_nocase(port->name, trace->inputs->at[edge->input].schema)
                && port->producer == NULL) {
                return STR("it comes from a source, which no mask hashes");
            }
        }
        if (method == DECLASSIFY_KEYED_HASH && !is_direct) {
            return STR("it depends on more than the hash");
        }
    }
    return STR_NONE;
}

void plan_check_declassified(const struct label_traces *traces, struct report *report)
{
    for (size_t i = 0; i < traces->len; i++) {
        const struct label_trace *trace = &traces->at[i];
        const struct contract_table *table = model_find_table(trace->product, trace->table, NULL);

        for (size_t k = 0; table != NULL && k < table->columns.len; k++) {
            const struct contract_column *column = &table->columns.at[k];

            if (column->declassify.method == DECLASSIFY_NONE) {
                continue;
            }
            if (column->declassify.method == DECLASSIFY_AGGREGATE
                && model_is_passed_through(trace->product, trace->table)) {
                plan_unproven(report, column, STR("the table is passed through as it is"));
            }
            for (size_t m = 0; m < trace->lineage->outputs.len; m++) {
                const struct lineage_output *output = &trace->lineage->outputs.at[m];
                str why = str_eq_nocase(output->name, column->name)
                            ? plan_why_not(trace, output, column->declassify.method)
                            : STR_NONE;

                if (why.len > 0) {
                    plan_unproven(report, column, why);
                    break;
                }
            }
        }
    }
}
