/* Every policy against the tables that it speaks of: columns of filters, products of grants. */
#include "plan_inside.h"

static void plan_policy_columns(struct arena *mem, const struct contract_table *table,
                                struct policy_table *out)
{
    struct policy_column *columns = ARENA_ARRAY(mem, struct policy_column, table->columns.len + 1);

    for (size_t i = 0; i < table->columns.len; i++) {
        const struct contract_column *column = &table->columns.at[i];

        columns[i] = (struct policy_column){.id = (uint32_t)i + 1,
                                            .name = column->name,
                                            .type = column->type,
                                            .classification = column->classification,
                                            .tags = column->tags};
    }
    out->columns = columns;
    out->column_count = table->columns.len;
}

void plan_policy_table(struct arena *mem, const struct model_product *product,
                       const struct contract *contract, const struct contract_table *table,
                       struct policy_table *out)
{
    *out = (struct policy_table){.domain = product->domain->name,
                                 .product = product->name,
                                 .name = table->name,
                                 .contract = contract->id,
                                 .owners = product->domain->owners};
    for (size_t i = 0; i < table->tags.len; i++) {
        str_list_add(mem, &out->tags, table->tags.at[i]);
    }
    for (size_t i = 0; i < contract->tags.len; i++) {
        str_list_add(mem, &out->tags, contract->tags.at[i]);
    }
    plan_policy_columns(mem, table, out);
}

void plan_check_policies(struct arena *mem, const struct model *model, struct report *report)
{
    struct {
        VEC_OF(struct policy_table)
    } tables = {0};

    for (size_t i = 0; i < model->products.len; i++) {
        const struct model_product *product = model->products.at[i];

        for (size_t j = 0; j < product->outputs.len; j++) {
            const struct contract *contract = product->outputs.at[j].contract;

            for (size_t k = 0; k < contract->tables.len; k++) {
                plan_policy_table(mem, product, contract, &contract->tables.at[k],
                                  vec_add(mem, &tables));
            }
        }
    }
    policy_check(&model->policies, tables.at, tables.len, report);
}
