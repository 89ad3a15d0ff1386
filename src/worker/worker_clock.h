/* The present, as the texts of a job see it. */
#ifndef WEFT_WORKER_CLOCK_H
#define WEFT_WORKER_CLOCK_H

#include "worker_engine.h"

/* A time as 2026-03-01T12:00:00Z; empty: that of the clock. Holds until it is set again. */
MUST_CHECK bool worker_clock_set(struct task *t, struct worker_engine *e, str now);

#endif
