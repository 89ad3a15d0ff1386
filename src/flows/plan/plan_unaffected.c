/* Of the bundle of one domain, most products of the mesh know nothing: what an earlier apply proved of their SELECTs still holds. Such a
 * product is the very one of the image, since models share what did not change. */
#include "plan_inside.h"

static const struct image_column *plan_column_of(const struct image_table *table, size_t *next,
                                                 str name)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        size_t at = (*next + i) % table->columns.len;

        if (str_eq(table->columns.at[at].name, name)) {
            *next = at + 1;
            return &table->columns.at[at];
        }
    }
    return NULL;
}

static bool plan_take_column(struct task *t, const struct model *model,
                             const struct image_column *known, struct label label,
                             struct labels *out)
{
    for (size_t i = 0; i < known->more.len; i++) {
        str domain, rest;

        label.is_tag = known->more.at[i].is_tag;
        label.text = known->more.at[i].text;
        label.origin = known->more.at[i].origin;
        (void)str_cut(label.origin, '.', &domain, &rest);
        label.domain = model_find_domain(model, domain);
        label.is_declared = label_is_declared(label.column, label.is_tag, label.text);
        if (label.domain == NULL) {
            return false;
        }
        vec_push(t->mem, out, label);
    }
    return true;
}

static bool plan_take_table(struct task *t, const struct model *model,
                            const struct model_product *product, const struct contract_table *table,
                            const struct image_table *today, struct labels *out)
{
    for (size_t i = 0, next = 0; i < table->columns.len; i++) {
        const struct contract_column *column = &table->columns.at[i];
        const struct image_column *known = plan_column_of(today, &next, column->name);

        if (known == NULL
            || !plan_take_column(
                t, model, known,
                (struct label){.product = product, .table = table, .column = column}, out)) {
            return false;
        }
    }
    return true;
}

/* The labels of its columns as the last apply proved them; NULL where the image does not tell of all. */
static struct labels *plan_take_labels(struct task *t, const struct image *image,
                                       const struct model *model,
                                       const struct model_product *product)
{
    const struct image_product *today =
        image_find_product(image, product->domain->name, product->name);
    struct labels *out = ARENA_NEW(t->mem, struct labels);

    for (size_t i = 0; today != NULL && i < product->outputs.len; i++) {
        const struct contract *contract = product->outputs.at[i].contract;

        for (size_t k = 0; contract != NULL && k < contract->tables.len; k++) {
            const struct image_table *table = image_find_table(today, contract->tables.at[k].name);

            if (table == NULL
                || !plan_take_table(t, model, product, &contract->tables.at[k], table, out)) {
                return NULL;
            }
        }
    }
    return today != NULL ? out : NULL;
}

void plan_find_unaffected(struct task *t, const struct image *image, const struct model *model,
                          struct map *out)
{
    map_init(out, t->mem);
    for (size_t i = 0; image->model != NULL && i < model->products.len; i++) {
        const struct model_product *product = model->products.at[i];
        struct labels *labels = model_find_product(image->model, product->address) == product
                                  ? plan_take_labels(t, image, model, product)
                                  : NULL;

        if (labels != NULL) {
            map_put(out, product->address, labels);
        }
    }
}
