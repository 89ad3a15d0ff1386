/* What a job's names mean: views over files in `in/`, empty views, and tables of rows that came with the job. */
#ifndef WEFT_WORKER_VIEWS_H
#define WEFT_WORKER_VIEWS_H

#include "worker_engine.h"

struct worker_views *worker_views_new(struct arena *mem);
/* Makes exactly the names of this job: what an earlier job left is dropped, save views that this one defines in the same way. */
MUST_CHECK bool worker_views_set(struct task *t, struct worker_engine *e,
                                 const struct engine_job *job);
/* Drops the rows that came with the job. */
MUST_CHECK bool worker_views_end(struct task *t, struct worker_engine *e);

#endif
