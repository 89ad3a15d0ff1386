/* What this process gives away before it meets a single byte of anybody: rights, files, sockets, system calls. */
#ifndef WEFT_WORKER_SANDBOX_H
#define WEFT_WORKER_SANDBOX_H

#include "worker_options.h"

/* All of it, in its order, before any thread is started. Fails with ERR_CONFIG where the kernel lacks a part and the options
 * say `required`; best-effort says on stderr what is missing. `extensions_out` is a path of the extension folder that stays
 * usable without rights on its parents, or NULL: it lives as long as the process. */
MUST_CHECK bool worker_sandbox_enter(struct task *t, const struct worker_options *options,
                                     const char **extensions_out);

/* Its steps. */
MUST_CHECK bool worker_landlock_enter(struct task *t, const struct worker_options *options,
                                      int extensions_fd);
MUST_CHECK bool worker_seccomp_enter(struct task *t, const struct worker_options *options);

#endif
