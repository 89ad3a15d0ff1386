/* The engine asks the C library for the real path of each file that it opens, a dozen times over, to hold it against its allowed
 * folders. The parents of a worker's folder are closed to a worker, so the library reads every link above, fails, and is asked for the
 * parent, up to the first that it may see: 180 calls of the system a file, a fifth of a row by its key. Below the working directory,
 * which the server chose and the options have checked, this program answers itself. */
#ifndef WEFT_WORKER_PATHS_H
#define WEFT_WORKER_PATHS_H

#include "task/task.h"

/* Before any thread, and before the sandbox: later the working directory has no name for us. */
MUST_CHECK bool worker_paths_open(struct task *t);

#endif
