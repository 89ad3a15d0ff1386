/* A run whose release waits, and the trial of those who read the product: nothing is published. */
#ifndef WEFT_RUN_CANDIDATE_H
#define WEFT_RUN_CANDIDATE_H

#include "run/run.h"

struct run_candidate {
    struct run run; /* with what was asked */

    size_t consumers; /* how many were tried */
};

/* True once the candidate is there and all who read it were tried, whatever became of them: the verdicts are kept with it. */
MUST_CHECK bool run_candidate(struct task *t, struct run_candidate *c);

#endif
