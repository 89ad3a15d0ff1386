/* What a decision would cost, before it is made. */
#include "gate_inside.h"

static bool weigh_file(struct task *t, struct gate *gate, const struct image_table *table,
                       const struct image_file *file, const struct decision *decision,
                       struct gate_weight *out)
{
    enum gate_proof proof = gate_prove(file, decision);
    out->files++;
    if (proof == GATE_ALL_HIDDEN) {
        out->hidden++;
        return true;
    }
    if (proof == GATE_ALL_VISIBLE && file->deletions.len == 0
        && policy_shows_all_columns(decision, file->columns.at, file->columns.len)) {
        out->originals++;
        return true;
    }
    str class_id;
    bool found;
    uint64_t bytes;
    if (!gate_has_copy(t, gate, table, file, decision, &class_id, &found, &bytes))
        return false;
    out->copies++;
    out->copies_there += found;
    out->bytes_there += found ? bytes : 0;
    out->bytes_to_read += found ? 0 : file->bytes;
    str_list_add(t->mem, &out->classes, class_id);
    return true;
}

bool gate_weigh(struct task *t, struct gate *gate, const struct image_table *table,
                const struct decision *decision, struct gate_weight *out)
{
    CHECK(gate->magic == GATE_MAGIC);
    *out = (struct gate_weight){0};
    if (!decision->allowed || decision->columns.len == 0)
        return true;
    for (size_t i = 0; i < table->files.len; i++)
        if (!task_go_on(t) || !weigh_file(t, gate, table, &table->files.at[i], decision, out))
            return false;
    return true;
}
