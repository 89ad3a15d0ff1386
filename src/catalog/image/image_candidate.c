/* The mesh as it would be: a model that nobody applied yet, with the ids and releases of today. */
#include <stdlib.h>

#include "image/image_inside.h"

/* A column that is new has no id yet. Columns mostly stand as they stood: the search goes on behind the last that was found. */
static uint32_t column_id(const struct image_table *today, size_t *next, str name)
{
    size_t len = today != NULL ? today->columns.len : 0;
    for (size_t i = 0; i < len; i++) {
        size_t at = (*next + i) % len;
        if (str_eq(today->columns.at[at].name, name)) {
            *next = at + 1;
            return today->columns.at[at].id;
        }
    }
    return 0;
}

static void add_table(struct arena *mem, struct image_product *product,
                      const struct image_product *today, const struct contract *contract,
                      const struct contract_table *definition)
{
    const struct image_table *before =
        today != NULL ? image_find_table(today, definition->name) : NULL;
    struct image_table *table = vec_add(mem, &product->tables);
    *table = (struct image_table){.id = before != NULL ? before->id : 0,
                                  .name = definition->name,
                                  .contract = contract,
                                  .definition = definition,
                                  .rows = before != NULL ? before->rows : 0,
                                  .is_released = before != NULL && before->is_released};
    if (before != NULL)
        memcpy(&table->files, &before->files, sizeof table->files);
    for (size_t i = 0, next = 0; i < definition->columns.len; i++) {
        const struct contract_column *column = &definition->columns.at[i];
        vec_push(mem, &table->columns,
                 ((struct image_column){.id = column_id(before, &next, column->name),
                                        .name = column->name,
                                        .type = column->type,
                                        .contract = column}));
    }
}

static void fill_product(struct arena *mem, const struct model_product *definition,
                         const struct image *today, struct image_product *product)
{
    const struct image_product *before =
        today != NULL ? image_find_product(today, definition->domain->name, definition->name)
                      : NULL;
    product->definition = definition;
    product->address = arena_format(mem, STR_FMT "." STR_FMT, STR_ARG(definition->domain->name),
                                    STR_ARG(definition->name));
    if (before != NULL) {
        product->id = before->id;
        product->release = before->release;
    }
    for (size_t i = 0; i < definition->outputs.len; i++) {
        const struct contract *contract = definition->outputs.at[i].contract;
        for (size_t j = 0; contract != NULL && j < contract->tables.len; j++)
            add_table(mem, product, before, contract, &contract->tables.at[j]);
    }
}

static int compare_nodes(const void *a, const void *b)
{
    const struct image_node *x = *(const struct image_node *const *)a,
                            *y = *(const struct image_node *const *)b;
    return str_compare(x->product.address, y->product.address);
}

const struct image *image_candidate(struct task *t, const struct model *model,
                                    const struct image *today,
                                    const struct image_candidate_release *release)
{
    struct image_spine *spine = ARENA_NEW(t->mem, struct image_spine);
    size_t len = model->products.len;
    spine->magic = IMAGE_MAGIC;
    spine->pins = 1;
    spine->mem = t->mem;
    spine->image.model = model;
    spine->image.policies = model->policies;
    spine->nodes = ARENA_ARRAY(t->mem, struct image_node *, len + 1);
    for (size_t i = 0; i < len; i++) {
        spine->nodes[i] = ARENA_NEW(t->mem, struct image_node);
        fill_product(t->mem, model->products.at[i], today, &spine->nodes[i]->product);
    }
    qsort(spine->nodes, len, sizeof *spine->nodes, compare_nodes);
    for (size_t i = 0; i < len; i++) {
        struct image_product *product = &spine->nodes[i]->product;
        bool is_made = release != NULL && str_eq(product->address, release->product);
        if (is_made)
            product->release = release->release;
        for (size_t j = 0; j < product->tables.len; j++) {
            product->tables.at[j].product = product;
            product->tables.at[j].is_released |= is_made;
        }
        vec_push(t->mem, &spine->image.products, *product);
    }
    return &spine->image;
}
