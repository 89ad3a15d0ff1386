/* Several products, each by a job of its own, in order of dependency. */
#ifndef WEFT_RUN_ALL_H
#define WEFT_RUN_ALL_H

#include "actor/actor.h"
#include "job_row/job_row.h"
#include "services/services.h"

/* How the products are run; all empty: what is new. */
struct run_how {
    bool is_full;
    str from, to;   /* a window of the keys of incremental tables */
    bool is_replay; /* quarantined rows, and nothing is made */
    str replayed;   /* those that this run diverted; empty: all */
};

struct run_all {
    struct services *services;
    str job_id;   /* of this work: followers of it see the events of all */
    str products; /* addresses with commas between; `*` is all */
    struct run_how how;

    uint64_t published, failed;
    uint64_t unchanged; /* in an environment: not built */
    enum error_code first_error;
};

/* Leaves a job row for each product as soon as those that it reads have ended, and waits for it. True when all were tried; what
 * failed is counted. Cancel ends the jobs that it began. */
MUST_CHECK bool run_all(struct task *t, struct run_all *all);
/* The products that a list names, in order of dependency; of all, those that are not retired. ERR_NOT_FOUND names the first that is
 * not there, ERR_DENIED the first that the actor may not run. */
MUST_CHECK bool run_all_products(struct task *t, const struct image *image, str products,
                                 struct str_list *out);

/* Leaves a job row in the name of who asks. `id_out` is the job to follow: it may have waited already (`joined_out`). ERR_BUSY when one
 * waits that would not do what is asked. */
MUST_CHECK bool run_all_queue(struct task *t, struct services *s, const char *kind, str products,
                              const struct run_how *how, str *id_out, bool *joined_out);
/* As it was asked for. */
MUST_CHECK bool run_all_how(struct task *t, const struct job_row *row, struct run_how *out);
/* Who asked for the job, with the groups of today: ERR_DENIED when he is no user any more. */
MUST_CHECK bool run_all_actor(struct task *t, struct services *s, const struct job_row *row,
                              struct actor **out);
/* ERR_NOT_FOUND unless the actor asked for the job or may run all its products: he may see and cancel it. */
MUST_CHECK bool run_all_find_job(struct task *t, struct services *s, str id, struct job_row **out);

#endif
