/* What a job says of itself. */
#ifndef WEFT_TIMER_INSIDE_H
#define WEFT_TIMER_INSIDE_H

#include "job_row/job_row.h"
#include "run/run.h"
#include "run/run_all.h"

/* Events of a run, as docs/http-api.md shows them: each says one line to the followers of the job. */
void timer_say_step(struct task *t, void *state, const char *step, str subject, int thousandths);
void timer_say_run(struct task *t, const struct run *r, bool ok);
void timer_say_end(struct task *t, const struct run_all *all, enum job_state state,
                   str *result_out);
/* The end of a job of one run. */
void timer_say_one(struct task *t, const struct run *r, enum job_state state);

#endif
