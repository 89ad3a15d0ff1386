/* Rules between runs: which tables have them, when they are due, what they read. */
#ifndef WEFT_RUN_DUE_INSIDE_H
#define WEFT_RUN_DUE_INSIDE_H

#include "run_inside.h"

/* A table whose rules may be due: of the release, or of a source. */
struct run_due_table {
    str name;                        /* as its verdicts know it */
    const struct image_table *of;    /* NULL: of a source */
    const struct model_input *input; /* then: which */
    const struct contract *contract;
    const struct contract_table *definition;
};

struct run_due_tables {
    VEC_OF(struct run_due_table)
};

void run_due_list(struct arena *mem, const struct image_product *product,
                  struct run_due_tables *out);
/* When a rule is due; INT64_MAX: runs alone ask it. */
int64_t run_due_at(struct task *t, const struct image_product *product,
                   const struct run_due_table *table, const struct contract_rule *rule,
                   const struct scheduled_check_list *schedules);

#endif
