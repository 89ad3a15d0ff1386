/* Jobs at work: their events for followers, their tasks for cancel. Rows of jobs are catalog/job_row's. */
#ifndef WEFT_JOBS_H
#define WEFT_JOBS_H

#include "job_row/job_row.h"
#include "task/task.h"

struct jobs;

/* `also` is woken with them; NULL: nobody. */
struct jobs *jobs_new(struct jobs *also);
void jobs_free(struct jobs *jobs);

/* Tells the door that starts jobs that a row waits; `jobs_wait` returns then, or after `most_ms`. */
void jobs_wake(struct jobs *jobs);
void jobs_wait(struct jobs *jobs, int most_ms);
/* Until something of any job changes, or `most_ms` have passed: for those that watch several. */
void jobs_pause(struct jobs *jobs, int most_ms);

/* A task works on this job now; jobs_cancel reaches it. */
void jobs_begin(struct jobs *jobs, str id, struct task *t);
void jobs_end(struct jobs *jobs, str id);
/* The work is over, but its row cannot be written yet: those who wait for it need not wait for the disk too. */
void jobs_over(struct jobs *jobs, str id, enum job_state state, str result);
/* False unless that is so. */
bool jobs_is_over(struct task *t, struct jobs *jobs, str id, enum job_state *state_out,
                  str *result_out);
/* Does a task work on it, or did one not long ago? */
bool jobs_is_known(struct jobs *jobs, str id);
/* Cancels the task that works on the job; false when none does. */
bool jobs_cancel(struct jobs *jobs, str id);
/* Cancels all, and tells how many still work. */
size_t jobs_cancel_all(struct jobs *jobs);

/* Adds one event (a line of JSON) to those of a job. The last ones are kept, up to a number and a sum of bytes. */
void jobs_say(struct jobs *jobs, str id, str line);
/* Events of a job from number *next_io on, as lines; waits up to `most_ms` for one. `ended_out`: no more will come. An unknown job
 * has ended. */
MUST_CHECK bool jobs_follow(struct task *t, struct jobs *jobs, str id, uint64_t *next_io,
                            int most_ms, str *lines_out, bool *ended_out);

#endif
