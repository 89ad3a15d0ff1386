/* Large tables against the filters that are cleared from them. */
#include "plan_inside.h"

str plan_clustered_by(const struct contract_table *table)
{
    if (table->cluster_by.len > 0) {
        return table->cluster_by.at[0];
    }
    for (size_t i = 0; i < table->columns.len; i++) {
        if (table->columns.at[i].primary_key == 1) {
            return table->columns.at[i].name;
        }
    }
    return STR_NONE;
}

static void plan_advise_product(struct task *t, struct plan *p, const struct image_product *before,
                                const struct model_product *product)
{
    uint64_t most = (uint64_t)CONFIG_INT(p->services->config, part_rows_max);

    for (size_t i = 0; i < product->outputs.len; i++) {
        const struct contract *contract = product->outputs.at[i].contract;

        for (size_t j = 0; j < contract->tables.len; j++) {
            const struct contract_table *table = &contract->tables.at[j];
            const struct image_table *now = image_find_table(before, table->name);
            struct policy_table subject;

            if (now != NULL && now->rows > most) {
                plan_policy_table(t->mem, product, contract, table, p->labels, &subject);
                policy_advise(t->mem, &p->model->policies, &subject, plan_clustered_by(table),
                              &p->findings);
            }
        }
    }
}

void plan_advise(struct task *t, struct plan *p, const struct image *image)
{
    for (size_t i = 0; i < p->model->products.len; i++) {
        const struct model_product *product = p->model->products.at[i];
        const struct image_product *before;

        /* What is said of others is dropped. */
        if (!plan_is_planned(p, product->domain->name)) {
            continue;
        }
        before = image_find_product(image, product->domain->name, product->name);
        if (before != NULL) {
            plan_advise_product(t, p, before, product);
        }
    }
    report_sort(&p->findings);
}
