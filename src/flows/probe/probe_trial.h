/* For the two files of a contract that is held against its source. */
#ifndef WEFT_PROBE_TRIAL_H
#define WEFT_PROBE_TRIAL_H

#include "probe/probe_contract.h"
#include "probe_inside.h"

#define PROBE_SCHEMA STR("self") /* of the views that rules are over */

/* A table as rules see it. */
struct probe_live {
    struct source_table *source;
    bool is_judged; /* false: it is read for the relationships of another */
    str problem;    /* why its rows cannot be read */
    str staged;     /* a file that the worker wrote; empty: its rows are read where they lie */
    bool is_narrow; /* it holds the columns that are needed, and flags; `plan` is made for that */
    struct str_list needed;
    str flags;
    struct check_plan plan;
    const struct tree **answers;
    str *errors;
};

struct probe_trial {
    struct probe_contract *p;
    struct engine *engine;
    struct contract contract; /* with the tables that are read */
    struct source_server server;
    struct source_plan plan;
    struct engine_job files; /* links of all of them */
    struct worker *worker, *builder;
    struct probe_live *tables;
    size_t len;
};

/* `table orders of data/orders.csv`: what an error is about, as the contract says it. */
str probe_subject(struct task *t, const struct probe_trial *trial,
                  const struct contract_table *table);
/* `self.orders`, quoted as it stands in SQL. */
str probe_view(struct arena *mem, const struct probe_live *live);
MUST_CHECK bool probe_lend_builder(struct task *t, struct probe_trial *trial);
/* Before rows are read: what is needed of tables that have a quick text. */
MUST_CHECK bool probe_narrow(struct task *t, struct probe_trial *trial);
/* Writes that, by the quick text. */
void probe_narrow_job(struct task *t, const struct probe_live *live, struct engine_job *job);
/* Rules of all tables whose rows can be read, asked and judged. */
MUST_CHECK bool probe_rules(struct task *t, struct probe_trial *trial);

#endif
