#include "image/image.h"

#include "contract/contract_change.h"
#include "image/image_inside.h"

static void unpin(void *image)
{
    image_unpin(image);
}

const struct image *image_pin(struct task *t, struct images *images)
{
    pthread_mutex_lock(&images->lock);
    struct image_spine *spine = images->current;
    atomic_fetch_add(&spine->pins, 1);
    pthread_mutex_unlock(&images->lock);
    arena_defer(t->mem, unpin, &spine->image);
    return &spine->image;
}

void image_unpin(const struct image *image)
{
    struct image_spine *spine = (struct image_spine *)(uintptr_t)image;
    CHECK(spine->magic == IMAGE_MAGIC);
    if (atomic_fetch_sub(&spine->pins, 1) != 1)
        return;
    spine->magic = 0;
    for (size_t i = 0; i < image->products.len; i++)
        image_node_unpin(spine->nodes[i]);
    image_policies_unpin(spine->policies);
    image_model_unpin(spine->model);
    image_decisions_free(spine->decisions);
    arena_free(spine->mem);
}

struct image_decisions *image_decisions_of(const struct image *image)
{
    const struct image_spine *spine = (const struct image_spine *)image;
    CHECK(spine->magic == IMAGE_MAGIC);
    return spine->decisions;
}

struct image_node *image_node_pin(struct image_node *node)
{
    atomic_fetch_add(&node->pins, 1);
    return node;
}

void image_node_unpin(struct image_node *node)
{
    if (node == NULL || atomic_fetch_sub(&node->pins, 1) != 1)
        return;
    arena_free(node->mem);
}

/* Compares `domain.product` with the two names. */
static int compare_address(str address, str domain, str product)
{
    str head = str_sub(address, 0, domain.len);
    int order = str_compare(head, domain);
    if (order != 0)
        return order;
    str rest = str_from(address, head.len);
    if (rest.len == 0)
        return -1;
    if (rest.ptr[0] != '.')
        return rest.ptr[0] < '.' ? -1 : 1;
    return str_compare(str_from(rest, 1), product);
}

const struct image_product *image_find_product(const struct image *image, str domain, str product)
{
    const struct image_spine *spine = (const struct image_spine *)image;
    CHECK(spine->magic == IMAGE_MAGIC);
    size_t low = 0, high = image->products.len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct image_product *found = &spine->nodes[middle]->product;
        int order = compare_address(found->address, domain, product);
        if (order == 0)
            return found;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct image_table *image_find_table(const struct image_product *product, str table)
{
    for (size_t i = 0; i < product->tables.len; i++)
        if (str_eq(product->tables.at[i].name, table))
            return &product->tables.at[i];
    return NULL;
}

const struct image_table *image_find_output(const struct image_product *product,
                                            const struct contract *contract, str table)
{
    for (size_t i = 0; i < product->tables.len; i++)
        if (product->tables.at[i].contract == contract
            && str_eq(contract_table_plain(product->tables.at[i].name), table))
            return &product->tables.at[i];
    return NULL;
}

const struct image_table *image_find_major(const struct image_product *product, uint64_t major,
                                           str table)
{
    for (size_t i = 0; i < product->tables.len; i++)
        if (product->tables.at[i].contract != NULL
            && contract_major(product->tables.at[i].contract->version) == major
            && str_eq(contract_table_plain(product->tables.at[i].name), table))
            return &product->tables.at[i];
    return NULL;
}

str image_table_address(struct arena *mem, const struct image_table *table)
{
    return model_table_address(mem, table->product->address, table->name);
}

const struct image_table *image_find_address(const struct image *image, str address,
                                             const struct image_product **product_out,
                                             str *rest_out)
{
    str domain, product, name, major, table;
    uint64_t number;
    (void)str_cut(address, '.', &domain, rest_out);
    (void)str_cut(*rest_out, '.', &product, rest_out);
    (void)str_cut(*rest_out, '.', &table, rest_out);
    bool has_major = str_cut(product, '@', &name, &major);
    *product_out = image_find_product(image, domain, name);
    if (*product_out == NULL || str_has(table, '@'))
        return NULL;
    if (!has_major)
        return image_find_table(*product_out, table);
    return str_to_u64(major, &number) ? image_find_major(*product_out, number, table) : NULL;
}

/* A column without its contract, as past releases may have, has no labels that hold: decisions do
 * not see it, and what they do not see they cannot show. */
void image_policy_table(struct arena *mem, const struct image_table *table,
                        struct policy_table *out)
{
    const struct model_product *definition = table->product->definition;
    *out = (struct policy_table){.id = table->id,
                                 .domain = definition->domain->name,
                                 .product = definition->name,
                                 .name = contract_table_plain(table->name),
                                 .owners = definition->domain->owners};
    if (table->definition != NULL)
        for (size_t i = 0; i < table->definition->tags.len; i++)
            str_list_add(mem, &out->tags, table->definition->tags.at[i]);
    if (table->contract != NULL) {
        out->contract = table->contract->id;
        for (size_t i = 0; i < table->contract->tags.len; i++)
            str_list_add(mem, &out->tags, table->contract->tags.at[i]);
    }
    struct policy_column *columns = ARENA_ARRAY(mem, struct policy_column, table->columns.len);
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct image_column *column = &table->columns.at[i];
        if (column->contract == NULL)
            continue;
        struct policy_column *as_seen = &columns[out->column_count++];
        model_policy_column(mem, column->contract, column->id, column->type, as_seen);
        as_seen->name = column->name;
        for (size_t k = 0; k < column->more.len; k++)
            vec_push(mem, &as_seen->labels, column->more.at[k]);
    }
    out->columns = columns;
}
