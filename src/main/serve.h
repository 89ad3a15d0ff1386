/* One server of one home: wired, started, and ended in order. */
#ifndef WEFT_SERVE_H
#define WEFT_SERVE_H

#include "cli/cli.h"

/* See serve_fn. SIGINT and SIGTERM end it; so does idle_exit_s without a client. */
MUST_CHECK bool serve_run(struct task *t, const struct serve_options *options);

#endif
