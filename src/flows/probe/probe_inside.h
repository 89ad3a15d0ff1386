#ifndef WEFT_PROBE_INSIDE_H
#define WEFT_PROBE_INSIDE_H

#include "probe/probe.h"
#include "source/source.h"

/* Turns what the engine said of a source into one line about `what`, without connection strings; always false. */
bool probe_explain(struct task *t, const struct source_server *server, str what);
/* Rows of our own text, with errors that are explained. */
MUST_CHECK bool probe_ask(struct task *t, struct worker *worker, struct engine_job *job,
                          const struct source_server *server, str what, struct engine_rows *out);
/* Who is asked for the values of a source, and with which files beside. */
struct probe_asked {
    struct worker *worker;
    const struct engine_job *job;
    const struct source_server *server;
    str what; /* of errors */
};
/* Counts the values of columns, and takes some where check digits tell; `from` is what stands behind FROM. */
MUST_CHECK bool probe_values(struct task *t, const struct probe_asked *asked,
                             struct infer_column *columns, size_t len, str from,
                             uint64_t *rows_out);
MUST_CHECK bool probe_files(struct task *t, struct engine *engine, struct probe *p);
MUST_CHECK bool probe_postgres(struct task *t, struct engine *engine, struct probe *p);
/* Files of a pattern, with names inside of `in/` for this table of a source. */
MUST_CHECK bool probe_link_files(struct task *t, str pattern, size_t table, struct str_list *names,
                                 struct engine_job *job);
/* The address of a database, resolved. */
MUST_CHECK bool probe_reach(struct task *t, const struct source_server *server,
                            struct engine_reach *out);
void probe_put(struct task *t, struct tree *map, const char *key, str text);
/* {property, value} into customProperties of a server. */
void probe_custom(struct task *t, struct tree *server, const char *property, str value);

#endif
