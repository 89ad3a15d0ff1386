/* Looks at a table or file of the user's own, before any mesh knows it: what it is made of, for a contract that reads it. */
#ifndef WEFT_PROBE_H
#define WEFT_PROBE_H

#include "engine/engine.h"
#include "infer/infer.h"

struct probe {
    str source; /* a file, a pattern of files, or postgres://USER@HOST:PORT/DATABASE[/SCHEMA[/TABLE]] */
    str format, delimiter, log_format, records; /* of files; empty: by name and content */
    str folder; /* of the mesh that the contract is for: paths below it are written from there; empty: absolute ones */
    uint64_t rows_max; /* looked at of each file source */

    /* probe_source */
    str title;           /* of the file, or of the database */
    struct tree *server; /* the entry of servers[] */
    struct infer_tables tables;
    struct str_list notes; /* for the head of the contract */
    str host_entry;        /* HOST:PORT that mesh.yaml must list; empty for files */
    str path;              /* the location as the contract says it; empty for databases */
    str secret;            /* the name of the password that the contract asks for */
};

/* The password of a database comes from PGPASSWORD and goes nowhere. The workers of `engine` read, in their sandbox. */
MUST_CHECK bool probe_source(struct task *t, struct engine *engine, struct probe *p);

#endif
