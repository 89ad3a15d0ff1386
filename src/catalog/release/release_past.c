#include <stdlib.h>

#include "column_label/column_label.h"
#include "image/images.h"
#include "release/release.h"

static bool load(struct task *t, struct metadb *db, const struct image_product *product,
                 uint64_t number, const struct image_product **out);

/* Today's table of this id, or NULL. */
static const struct image_table *find_table(const struct image_product *product, uint64_t id)
{
    for (size_t i = 0; i < product->tables.len; i++)
        if (product->tables.at[i].id == id)
            return &product->tables.at[i];
    return NULL;
}

static const struct contract_column *find_contract(const struct image_table *today, uint32_t id)
{
    for (size_t i = 0; today != NULL && i < today->columns.len; i++)
        if (today->columns.at[i].id == id)
            return today->columns.at[i].contract;
    return NULL;
}

static const struct image_column *find_today(const struct image_table *today, uint32_t id)
{
    for (size_t i = 0; today != NULL && i < today->columns.len; i++)
        if (today->columns.at[i].id == id)
            return &today->columns.at[i];
    return NULL;
}

/* A column of then carries the labels of then, declared and inherited, beside those of today. */
static void add_labels(struct arena *mem, struct image_column *column,
                       const struct image_labels *then, const struct column_labels *inherited,
                       const struct image_column *today, const struct model_domain *own)
{
    for (size_t i = 0; today != NULL && i < today->more.len; i++)
        vec_push(mem, &column->more, today->more.at[i]);
    for (size_t i = 0; i < inherited->len; i++)
        if (inherited->at[i].table_id == then->table_id
            && inherited->at[i].column_id == then->column_id) {
            struct policy_label label = column_label_as_seen(
                &inherited->at[i], str_eq(inherited->at[i].origin_domain, own->name) ? own : NULL);
            /* Where it is still inherited today, today's owners of its origin are known. */
            for (size_t k = 0; today != NULL && k < today->more.len; k++)
                if (str_eq(today->more.at[k].origin, label.origin))
                    label.owners = today->more.at[k].owners;
            vec_push(mem, &column->more, label);
        }
    if (then->classification.len)
        vec_push(mem, &column->more, ((struct policy_label){.text = then->classification}));
    for (size_t i = 0; i < then->tags.len; i++)
        vec_push(mem, &column->more,
                 ((struct policy_label){.is_tag = true, .text = then->tags.at[i]}));
}

static bool has_name(const struct image_table *table, str name)
{
    for (size_t i = 0; i < table->columns.len; i++)
        if (str_eq_nocase(table->columns.at[i].name, name))
            return true;
    return false;
}

/* Columns that today's contract knows go by today's names, by which policies and readers mean them;
 * their types are those of then. Others keep their name where it is free. */
static void name_columns(struct arena *mem, struct image_table *table,
                         const struct image_table *today, const struct image_labels *labels,
                         const struct column_labels *inherited)
{
    struct image_table then = *table;
    memset(&table->columns, 0, sizeof table->columns);
    for (size_t i = 0; i < then.columns.len; i++) {
        struct image_column column = then.columns.at[i];
        const struct contract_column *contract = find_contract(today, column.id);
        if (contract == NULL)
            continue;
        column.name = contract->name;
        column.contract = contract;
        add_labels(mem, &column, &labels[i], inherited, find_today(today, column.id),
                   table->product->definition->domain);
        vec_push(mem, &table->columns, column);
    }
    for (size_t i = 0; i < then.columns.len; i++)
        if (find_contract(today, then.columns.at[i].id) == NULL
            && !has_name(table, then.columns.at[i].name))
            vec_push(mem, &table->columns, then.columns.at[i]);
}

bool release_load(struct task *t, struct metadb *db, const struct image_product *product,
                  uint64_t number, const struct image_product **out)
{
    *out = NULL;
    return number == 0 || load(t, db, product, number, out);
}

bool release_load_candidate(struct task *t, struct metadb *db, const struct image_product *product,
                            const struct image_product **out)
{
    *out = NULL;
    return load(t, db, product, 0, out);
}

static bool load(struct task *t, struct metadb *db, const struct image_product *product,
                 uint64_t number, const struct image_product **out)
{
    struct image_manifest manifest;
    struct column_labels inherited;
    bool found;
    if (!image_manifest_read(t, t->mem, db, product->id, number, &manifest, &found))
        return false;
    if (!found)
        return true;
    if (!column_label_of_release(t, t->mem, db, product->id, number, &inherited))
        return false;
    struct image_product *past = ARENA_NEW(t->mem, struct image_product);
    past->id = product->id;
    past->address = product->address;
    past->definition = product->definition;
    past->digest = product->digest;
    past->release = manifest.release;
    if (number == 0)
        past->release.number = product->release.number + 1;
    const struct image_labels *labels = manifest.labels.at;
    for (size_t i = 0; i < manifest.tables.len; i++) {
        const struct image_table *then = &manifest.tables.at[i];
        const struct image_labels *own_labels = labels;
        labels += then->columns.len;
        const struct image_table *today = find_table(product, then->id);
        /* The name of a table that is gone may by now mean another. */
        if (today == NULL && image_find_table(product, then->name) != NULL)
            continue;
        struct image_table *table = vec_add(t->mem, &past->tables);
        *table = *then;
        table->product = past;
        if (today != NULL) {
            table->name = today->name;
            table->contract = today->contract;
            table->definition = today->definition;
        }
        name_columns(t->mem, table, today, own_labels, &inherited);
    }
    *out = past;
    return true;
}
