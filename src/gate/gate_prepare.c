/* Copies that somebody will want, made before he asks. */
#include "gate_inside.h"

bool gate_prepare(struct task *t, struct gate *gate, const struct image_table *table,
                  const struct decision *decision)
{
    CHECK(gate->magic == GATE_MAGIC);
    for (size_t i = 0; decision->allowed && i < table->files.len; i++) {
        struct arena_mark mark = arena_mark(t->mem);
        struct str_list paths = {0};
        str class_id;
        /* Nobody links them yet: once made they are no more held than others. */
        bool ok = task_go_on(t)
               && gate_cleared_files(t, gate, table, &table->files.at[i], decision, NULL, &paths,
                                     &class_id);
        if (!ok)
            return false;
        arena_rewind(t->mem, mark);
    }
    return true;
}
