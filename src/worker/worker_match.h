/* Patterns of contracts by tables of states: a scalar function of workers that run texts of ours. */
#ifndef WEFT_WORKER_MATCH_H
#define WEFT_WORKER_MATCH_H

#include <duckdb.h>

#include "task/task.h"

/* Registers `weft_matches(VARCHAR, VARCHAR) -> BOOLEAN`: whether a text matches a pattern, which is a constant of which check_machine_make
 * makes a table; null where its machine does not know. */
MUST_CHECK bool worker_match_open(duckdb_connection con);

#endif
