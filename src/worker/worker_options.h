/* The command line of weft-worker, which only the server writes. */
#ifndef WEFT_WORKER_OPTIONS_H
#define WEFT_WORKER_OPTIONS_H

#include "job/job.h"

struct worker_options {
    enum worker_kind kind;
    int fd;            /* socket to the server */
    uint32_t uid, gid; /* to become, where we start as root */
    uint64_t memory_mb, temp_mb;
    uint64_t threads;
    bool needs_sandbox; /* required, not best-effort */
    const char *extensions;
    uint16_t connect_port; /* 0: none */
};

/* `--name=value` only; an unknown or bad one fails. --folder must be the working directory. */
MUST_CHECK bool worker_options_read(struct task *t, int argc, char **argv,
                                    struct worker_options *out);
/* Kinds that write `out/`. */
bool worker_kind_writes(enum worker_kind kind);
/* Kinds that run texts which somebody else wrote and the gate cleared. */
bool worker_kind_runs_cleared(enum worker_kind kind);

#endif
