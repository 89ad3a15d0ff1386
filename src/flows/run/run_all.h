/* Several products, each by a job of its own, in order of dependency. */
#ifndef WEFT_RUN_ALL_H
#define WEFT_RUN_ALL_H

#include "services/services.h"

struct run_all {
    struct services *services;
    str job_id;   /* of this work: followers of it see the events of all */
    str products; /* addresses with commas between; `*` is all */

    uint64_t published, failed;
    enum error_code first_error;
};

/* Leaves a job row for each product as soon as those that it reads have ended, and waits for it. True when all were tried; what
 * failed is counted. Cancel ends the jobs that it began. */
MUST_CHECK bool run_all(struct task *t, struct run_all *all);
/* The products that a list names, in order of dependency: ERR_NOT_FOUND names the first that is not there. */
MUST_CHECK bool run_all_products(struct task *t, const struct image *image, str products, struct str_list *out);

#endif
