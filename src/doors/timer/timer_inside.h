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

/* When schedules are to be looked at again: at a time, or with another image. */
struct timer_schedule {
    uint64_t image_version;
    int64_t next_us;
    int64_t rests_until_ms;   /* a look that takes long is not taken again at once */
    uint64_t mesh_version;    /* of these: */
    struct str_list products; /* those with rules that have a schedule, in memory of their own */
    bool has_starters;        /* products run by themselves */
    struct arena *mem;
};

/* Queues what is due: rules to be asked, products to run. What fails is told once, and tried again. */
void timer_look(struct services *s, struct timer_schedule *known, bool *failed);

#endif
