/* The engine's types: how they are spelled, and its vectors as batches. */
#ifndef WEFT_WORKER_TYPES_H
#define WEFT_WORKER_TYPES_H

#include "batch/batch.h"
#include "worker_engine.h"

/* Asks the engine for its keywords once: later, a statement of ours would close the one whose rows are being read. */
MUST_CHECK bool worker_types_open(struct task *t, struct worker_engine *e);
/* The engine's own spelling, as typeof() prints it. */
str worker_type_text(struct task *t, struct worker_engine *e, duckdb_logical_type type);
/* True for a type's spelling that can be put into a statement: nothing in it ends the place where a type stands. */
bool worker_type_is_safe(str type);
/* The parts of a column of this type, without values. Fails with ERR_TYPE for types that no format has. */
MUST_CHECK bool worker_vector_shape(struct task *t, duckdb_logical_type type, str column,
                                    struct batch_vector *out);
/* Points the parts at the values of a vector. */
void worker_vector_fill(struct batch_vector *out, duckdb_vector vector, uint64_t len);
/* A type that is destroyed with the task. */
duckdb_logical_type worker_type_keep(struct task *t, duckdb_logical_type type);

#endif
