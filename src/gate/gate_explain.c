/* What a clearance would be, without making it: decisions, and which cleared files are there. */
#include "gate_inside.h"

static bool explain_one(struct task *t, struct gate *gate, const struct image *image,
                        const struct sql_table *name, struct gate_explained *out)
{
    struct gate_meaning meaning;
    if (!gate_resolve(t, gate, image, NULL, name, &meaning))
        return false;
    *out = (struct gate_explained){.catalog = meaning.catalog,
                                   .schema = meaning.schema,
                                   .name = meaning.name,
                                   .table = meaning.table,
                                   .release = meaning.release,
                                   .position = name->position};
    if (!meaning.table)
        return true; /* mesh.*: rows that this actor may know */
    out->decision = gate_decide(t, image, meaning.table);
    struct job_columns columns = {0};
    for (size_t i = 0; i < meaning.table->columns.len; i++)
        vec_push(t->mem, &columns,
                 ((struct job_column){.name = meaning.table->columns.at[i].name,
                                      .id = meaning.table->columns.at[i].id}));
    gate_columns_read(t->mem, &name->columns, &columns, &out->columns_read);
    return gate_weigh(t, gate, meaning.table, out->decision, &out->weight);
}

bool gate_explain(struct task *t, struct gate *gate, const struct sql_tree *tree,
                  struct gate_explanation *out)
{
    out->image = image_pin(t, gate->images);
    for (size_t i = 0; i < tree->tables.len; i++)
        if (!explain_one(t, gate, out->image, &tree->tables.at[i], vec_add(t->mem, &out->tables)))
            return false;
    return true;
}
