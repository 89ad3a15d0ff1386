/* A contract held against the table or file that it speaks of, where that lies: nothing is ingested, and no mesh is needed. */
#ifndef WEFT_PROBE_CONTRACT_H
#define WEFT_PROBE_CONTRACT_H

#include "check/check.h"
#include "engine/engine.h"

/* A table of the contract, and what its rules found. */
struct probe_checked {
    const struct contract_table *table;
    struct check_result *verdicts;
    size_t len;
};

struct probe_contract {
    const struct contract *contract;
    str server;            /* of its servers[], by name; empty: the first that can be read */
    str table;             /* only this one; empty: all */
    str folder;            /* that relative locations are of */
    struct report *report; /* drift, and what else is to tell */

    /* probe_contract */
    const struct contract_server *used;
    struct {
        VEC_OF(struct probe_checked)
    } tables;
};

/* Fails where the source cannot be read at all. What is wrong with its data are findings and verdicts: the rules of a table that does
 * not fit are in error, never passed. The workers of `engine` read, in their sandbox. */
MUST_CHECK bool probe_contract(struct task *t, struct engine *engine, struct probe_contract *p);

#endif
