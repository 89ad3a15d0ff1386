#ifndef WEFT_PROBE_INSIDE_H
#define WEFT_PROBE_INSIDE_H

#include "probe/probe.h"
#include "source/source.h"

struct probe_rows {
    VEC_OF(struct tree *)
};

/* Rows of our own text, as lists of cells. */
MUST_CHECK bool probe_ask(struct task *t, struct worker *worker, struct engine_job *job,
                          const struct source_server *server, str what, struct probe_rows *out);
MUST_CHECK bool probe_files(struct task *t, struct engine *engine, struct probe *p);
MUST_CHECK bool probe_postgres(struct task *t, struct engine *engine, struct probe *p);
void probe_put(struct task *t, struct tree *map, const char *key, str text);
/* {property, value} into customProperties of a server. */
void probe_custom(struct task *t, struct tree *server, const char *property, str value);

#endif
