/* What a clearance would be, without making it: decisions, and which cleared files are there. */
#include "gate_inside.h"
#include "image/image_decision.h"

void gate_look_at(struct task *t, struct gate *gate, const struct image_table *table,
                  const struct decision *decision, struct gate_look *out)
{
    *out = (struct gate_look){0};
    for (size_t i = 0; decision->allowed && i < table->files.len; i++) {
        const struct image_file *file = &table->files.at[i];
        enum gate_proof proof = gate_prove(file, decision);
        out->files++;
        if (proof == GATE_ALL_HIDDEN) {
            out->hidden++;
        } else if (proof == GATE_ALL_VISIBLE && file->deletions.len == 0
                   && policy_shows_all_columns(decision, file->columns.at, file->columns.len)) {
            out->originals++;
        } else {
            uint64_t bytes;
            if (gate_has_copy(t, gate, table, file, decision, &out->class_id, &bytes)) {
                out->copies++;
                out->copy_bytes += bytes;
            } else {
                out->missing++;
                out->missing_bytes += file->bytes;
            }
        }
    }
}

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
    gate_look_at(t, gate, meaning.table, out->decision, &out->look);
    return true;
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
