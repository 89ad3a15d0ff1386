/* Of the bundle of one domain, most products of the mesh know nothing: what an earlier apply proved of their SELECTs still holds. Such a
 * product is the very one of the image, since models share what did not change. */
#include <string.h>

#include "plan_inside.h"

/* Labels of the columns of a product, as the last apply proved them. False where the image does not tell of all. */
struct plan_taking {
    struct task *t;
    const struct model *model;
    struct labels found;               /* of one product */
    const struct model_domain *domain; /* that a label came from last */
};

static bool plan_take_column(struct plan_taking *taking, const struct image_column *known,
                             struct label label)
{
    for (size_t i = 0; i < known->more.len; i++) {
        const struct policy_label *more = &known->more.at[i];
        str domain, rest;

        /* Labels mostly come several times, each from another column of one domain. */
        if (i == 0 || label.is_tag != more->is_tag || !str_eq(label.text, more->text)) {
            label.is_declared = label_is_declared(label.column, more->is_tag, more->text);
        }
        label.is_tag = more->is_tag;
        label.text = more->text;
        label.origin = more->origin;
        (void)str_cut(label.origin, '.', &domain, &rest);
        if (taking->domain == NULL || !str_eq(taking->domain->name, domain)) {
            taking->domain = model_find_domain(taking->model, domain);
        }
        label.domain = taking->domain;
        if (label.domain == NULL) {
            return false;
        }
        vec_push(taking->t->mem, &taking->found, label);
    }
    return true;
}

/* The image has the columns of its definition, in the same order. */
static bool plan_take_table(struct plan_taking *taking, const struct model_product *product,
                            const struct contract_table *table, const struct image_table *today)
{
    if (today == NULL || today->definition != table || today->columns.len != table->columns.len) {
        return false;
    }
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct image_column *known = &today->columns.at[i];

        if (known->contract != &table->columns.at[i]
            || !plan_take_column(taking, known,
                                 (struct label){.product = product,
                                                .table = table,
                                                .column = &table->columns.at[i]})) {
            return false;
        }
    }
    return true;
}

static bool plan_take_product(struct plan_taking *taking, const struct image_product *today)
{
    const struct model_product *product = today->definition;

    for (size_t i = 0, next = 0; i < product->outputs.len; i++) {
        const struct contract *contract = product->outputs.at[i].contract;

        for (size_t k = 0; contract != NULL && k < contract->tables.len; k++, next++) {
            if (!plan_take_table(taking, product, &contract->tables.at[k],
                                 next < today->tables.len ? &today->tables.at[next] : NULL)) {
                return false;
            }
        }
    }
    return true;
}

static const struct labels *plan_take_labels(struct plan_taking *taking,
                                             const struct image_product *today)
{
    static const struct labels none = {0};
    struct labels *out;

    taking->found.len = 0;
    if (!plan_take_product(taking, today)) {
        return NULL;
    }
    if (taking->found.len == 0) {
        return &none;
    }
    out = ARENA_NEW(taking->t->mem, struct labels);
    vec_reserve(taking->t->mem, out, taking->found.len);
    memcpy(out->at, taking->found.at, taking->found.len * sizeof(*out->at));
    out->len = taking->found.len;
    return out;
}

void plan_find_unaffected(struct task *t, const struct image *image, const struct model *model,
                          struct pointer_map *out)
{
    struct plan_taking taking = {.t = t, .model = model};
    size_t len = image->model != NULL ? image->products.len : 0, next = 0;

    pointer_map_init(out, t->mem, len);
    for (size_t i = 0; i < len; i++) {
        const struct model_product *product = image->products.at[i].definition;

        /* Both are by name. */
        while (next < model->by_name.len && model->by_name.at[next] != product
               && model_compare_names(model->by_name.at[next], product) < 0) {
            next++;
        }
        if (next < model->by_name.len && model->by_name.at[next] == product) {
            const struct labels *labels = plan_take_labels(&taking, &image->products.at[i]);

            if (labels != NULL) {
                pointer_map_put(out, product, (void *)(uintptr_t)labels);
            }
        }
    }
}
