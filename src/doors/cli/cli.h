/* The command line: a client of the HTTP API, over the home's socket or a URL. */
#ifndef WEFT_CLI_H
#define WEFT_CLI_H

#include "config/config.h"

/* `weft serve`: what its flags say. */
struct serve_options {
    str home,
        folder;     /* absolute: of the home, and of the mesh that local sources resolve against */
    str ready_file; /* written when requests are served; empty: none */
    struct config *config; /* with flags, environment and `<home>/weft.conf` */
};

/* Serves until a signal or its idle end; false when it cannot start. The roof hands it down, since it wires what lies beside the
 * command line. */
typedef bool serve_fn(struct task *t, const struct serve_options *options);

/* The whole program: gives the exit code. */
int cli_main(int argc, char **argv, serve_fn *serve);

#endif
