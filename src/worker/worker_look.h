/* Source files, looked through before rows of them count. */
#ifndef WEFT_WORKER_LOOK_H
#define WEFT_WORKER_LOOK_H

#include "worker_engine.h"

/* Every file of the list is what it should be; the first that is not is ERR_DATA, with its place and its name. */
MUST_CHECK bool worker_look(struct task *t, struct worker_engine *e, const struct job_looks *looks);

#endif
