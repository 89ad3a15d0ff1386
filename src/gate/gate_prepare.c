/* Copies that somebody will want, made before he asks. */
#include "gate_inside.h"

bool gate_prepare(struct task *t, struct gate *gate, const struct image_table *table,
                  const struct decision *decision)
{
    struct arena_mark mark = arena_mark(t->mem);
    struct gate_wants wants = {0};
    str class_id;
    CHECK(gate->magic == GATE_MAGIC);
    if (!decision->allowed || decision->columns.len == 0)
        return true;
    gate_want(t, gate, table, decision, &wants, &class_id);
    bool ok = gate_fetch(t, gate, &wants, NULL, NULL);
    /* Nobody links them yet: once made they are no more held than others. */
    arena_rewind(t->mem, mark);
    return ok;
}
