#include <stdlib.h>

#include "column_label/column_label.h"
#include "image/image_inside.h"

static const struct product_table *find_table(const struct product *product, str name)
{
    for (size_t i = 0; i < product->tables.len; i++)
        if (str_eq(product->tables.at[i].name, name))
            return &product->tables.at[i];
    return NULL;
}

/* Columns mostly stand in the order of the contract: the search goes on behind the last that was found. */
static uint32_t find_column(const struct product_table *table, size_t *next, str name)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        size_t at = (*next + i) % table->columns.len;
        if (str_eq(table->columns.at[at].name, name)) {
            *next = at + 1;
            return table->columns.at[at].id;
        }
    }
    return 0;
}

static bool lost_id(struct task *t, const struct product *product, str name)
{
    return task_fail(t, ERR_CORRUPT, "the catalog has no id for " STR_FMT " of " STR_FMT,
                     STR_ARG(name), STR_ARG(product->address));
}

static const struct image_table *find_released(const struct image_manifest *manifest, uint64_t id)
{
    for (size_t i = 0; i < manifest->tables.len; i++)
        if (manifest->tables.at[i].id == id)
            return &manifest->tables.at[i];
    return NULL;
}

/* A contract whose type has changed takes nothing from those who read: until the next run they get what the release holds, as it
 * is, where that does not widen to the new type without loss. */
static str readable_type(const struct image_table *released, uint32_t id, str promised)
{
    for (size_t i = 0; released != NULL && i < released->columns.len; i++)
        if (released->columns.at[i].id == id
            && !contract_type_widens(released->columns.at[i].type, promised))
            return released->columns.at[i].type;
    return promised;
}

static bool build_table(struct task *t, struct image_node *node, const struct product *product,
                        const struct contract *contract, const struct contract_table *definition,
                        const struct image_manifest *manifest)
{
    const struct product_table *ids = find_table(product, definition->name);
    if (ids == NULL)
        return lost_id(t, product, definition->name);
    const struct image_table *released = find_released(manifest, ids->id);
    struct image_table *table = vec_add(node->mem, &node->product.tables);
    *table = (struct image_table){.id = ids->id,
                                  .product = &node->product,
                                  .name = definition->name,
                                  .contract = contract,
                                  .definition = definition};
    vec_reserve(node->mem, &table->columns, definition->columns.len);
    for (size_t i = 0, next = 0; i < definition->columns.len; i++) {
        const struct contract_column *column = &definition->columns.at[i];
        uint32_t id = find_column(ids, &next, column->name);
        if (id == 0)
            return lost_id(t, product, column->name);
        vec_push(node->mem, &table->columns,
                 ((struct image_column){.id = id,
                                        .name = column->name,
                                        .type = readable_type(released, id, column->type),
                                        .contract = column}));
    }
    if (released != NULL) {
        table->rows = released->rows;
        table->is_released = true;
        memcpy(&table->files, &released->files, sizeof table->files);
    }
    return true;
}

static struct image_column *find_node_column(struct image_node *node, const struct column_label *of)
{
    for (size_t i = 0; i < node->product.tables.len; i++) {
        struct image_table *table = &node->product.tables.at[i];
        for (size_t j = 0; table->id == of->table_id && j < table->columns.len; j++)
            if (table->columns.at[j].id == of->column_id)
                return &table->columns.at[j];
    }
    return NULL;
}

/* What a column has by lineage stands beside what its contract declares. */
static bool add_inherited(struct task *t, struct metadb *db, const struct model *model,
                          struct image_node *node)
{
    struct column_labels labels;
    if (!column_label_read(t, node->mem, db, node->product.id, &labels))
        return false;
    for (size_t i = 0; i < labels.len; i++) {
        struct image_column *column = find_node_column(node, &labels.at[i]);
        if (column == NULL)
            return task_fail(t, ERR_CORRUPT, "the catalog has labels of a column that is gone");
        vec_push(node->mem, &column->more,
                 column_label_as_seen(&labels.at[i],
                                      model_find_domain(model, labels.at[i].origin_domain)));
    }
    return true;
}

bool image_node_build(struct task *t, struct metadb *db, const struct model *model,
                      const struct product *product, struct image_node **out)
{
    struct arena *mem = arena_new();
    struct image_node *node = ARENA_NEW(mem, struct image_node);
    node->pins = 1;
    node->mem = mem;
    node->product.id = product->id;
    node->product.address = arena_str(mem, product->address);
    node->product.definition = model_find_product(model, product->address);
    bool ok = node->product.definition != NULL || lost_id(t, product, STR("a definition"));
    if (ok)
        node->product.digest = product_digest(mem, node->product.definition);
    struct image_manifest manifest = {0};
    if (ok && product->release != 0) {
        bool found;
        ok = image_manifest_read(t, mem, db, product->id, product->release, &manifest, &found)
          && (found
              || task_fail(t, ERR_CORRUPT, "the catalog has lost release %llu of " STR_FMT,
                           (unsigned long long)product->release, STR_ARG(product->address)));
        node->product.release = manifest.release;
    }
    for (size_t i = 0; ok && i < node->product.definition->outputs.len; i++) {
        const struct contract *contract = node->product.definition->outputs.at[i].contract;
        for (size_t j = 0; ok && contract != NULL && j < contract->tables.len; j++)
            ok = build_table(t, node, product, contract, &contract->tables.at[j], &manifest);
    }
    ok = ok && add_inherited(t, db, model, node);
    if (!ok) {
        image_node_unpin(node);
        return false;
    }
    *out = node;
    return true;
}
