/* Of one table whose rows may go into quarantine: what run_divert, run_divert_files and run_divert_target share. */
#ifndef WEFT_RUN_DIVERT_INSIDE_H
#define WEFT_RUN_DIVERT_INSIDE_H

#include "run_inside.h"

/* Where a relationship leads: a table that is staged, or the keys of one of another product. */
struct run_diverting_target {
    const struct run_table *table; /* in the run, so that it is as it is after each round */
    bool is_staged;                /* false: `table` is the keys */
};

struct run_diverting {
    struct run *r;
    struct run_table *table;
    const struct contract_table *asked; /* with the rules that divert alone, save those of `keys` */
    struct {
        VEC_OF(const struct contract_table *)
    } keys;              /* one for each rule that compares rows with each other */
    bool may_fail_later; /* a row may fail once others are gone */
    struct check_targets targets;
    struct {
        VEC_OF(struct run_diverting_target)
    } sources; /* as targets */
    struct worker *worker;

    /* Of the round. */
    unsigned round; /* by which its files are told apart */
    struct {
        VEC_OF(struct check_result)
    } verdicts; /* that fail */
    uint64_t rows;
    str marks, gone; /* paths: which row fails what; the numbers of those rows */

    struct str_list rounds; /* paths of the files of diverted rows */
};

/* Finds where all relationships lead, and stages the keys of other products. */
MUST_CHECK bool run_find_targets(struct task *t, struct run *r, struct run_diverting *all,
                                 size_t len);
MUST_CHECK bool run_add_targets(struct task *t, const struct run_diverting *d,
                                struct engine_job *job);
const struct check_target *run_find_diverting_target(const struct run_diverting *d,
                                                     const struct contract_rule *rule);

struct job_view *run_add_file(struct task *t, const struct run_diverting *d, struct engine_job *job,
                              str name, str path, const struct job_columns *columns);
/* Which rows fail: `rows`, and of each verdict how many. */
MUST_CHECK bool run_mark_rows(struct task *t, struct run_diverting *d);
/* Does a row fail for another that is like it? */
bool run_compares_rows(const struct contract_rule *rule);
/* Can a row that came equal one that the table keeps, by a rule that bears none? */
bool run_has_twins(const struct run_diverting *d, const struct contract_rule *rule);
/* A row of before that a row took the place of stays when the latter goes. */
bool run_may_bring_back(const struct run_table *table, const struct contract_rule *rule);
/* As run_mark_rows, of the rows that came and equal one that stays. */
MUST_CHECK bool run_mark_twins(struct task *t, struct run_diverting *d,
                               const struct contract_rule *rule);
/* One for each table, round and kind. */
MUST_CHECK bool run_write_marks(struct task *t, struct run_diverting *d, struct engine_job *job);
void run_mark_columns(struct task *t, const struct run_diverting *d, struct job_columns *out);
/* The file of these, and that of what is left, which is the table from then on. */
MUST_CHECK bool run_write_round(struct task *t, struct run_diverting *d);
MUST_CHECK bool run_join_rounds(struct task *t, struct run_diverting *d);

#endif
