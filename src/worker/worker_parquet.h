/* Parquet files, held against what they say of themselves before rows of them count. */
#ifndef WEFT_WORKER_PARQUET_H
#define WEFT_WORKER_PARQUET_H

#include "worker_engine.h"

/* Footer, row groups and pages of `in/<name>` count the same values, and the checksums of pages hold where there are any. */
MUST_CHECK bool worker_parquet_check(struct task *t, struct worker_engine *e, str name);

#endif
