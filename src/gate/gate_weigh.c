/* What a decision would cost, before it is made. */
#include "gate_inside.h"

bool gate_weigh(struct task *t, struct gate *gate, const struct image_table *table,
                const struct decision *decision, struct gate_weight *out)
{
    struct gate_wants wants = {0};
    struct str_list classes = {0};
    const struct image_file *last = NULL, *last_missing = NULL;
    str class_id;
    CHECK(gate->magic == GATE_MAGIC);
    *out = (struct gate_weight){0};
    if (!decision->allowed || decision->columns.len == 0)
        return true;
    out->files = out->hidden = table->files.len;
    gate_want(t, gate, table, decision, &wants, &class_id);
    for (size_t i = 0; i < wants.len; i++) {
        struct gate_want *want = &wants.at[i];
        out->hidden -= want->file != last;
        last = want->file;
        out->originals += want->is_original;
        if (want->is_original)
            continue;
        vec_push(t->mem, &classes, want->class_id);
        if (!task_go_on(t) || !gate_peek(t, gate, want))
            return false;
        out->copies++;
        out->copies_there += want->is_found;
        out->bytes_there += want->is_found ? want->bytes : 0;
        if (want->is_found || want->file == last_missing)
            continue;
        out->bytes_to_read += want->file->bytes;
        last_missing = want->file;
    }
    str_list_sort(&classes);
    for (size_t i = 0; i < classes.len; i++)
        if (i == 0 || !str_eq(classes.at[i], classes.at[i - 1]))
            vec_push(t->mem, &out->classes, classes.at[i]);
    return true;
}
