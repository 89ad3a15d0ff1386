/* The keyed hash of masks: a scalar function of clearing workers. */
#ifndef WEFT_WORKER_HASH_H
#define WEFT_WORKER_HASH_H

#include "worker_engine.h"

/* Registers `weft_keyed_hash(VARCHAR) -> VARCHAR`: HMAC-SHA-256 (RFC 2104) as 64 hexadecimal digits. Only clearing and check workers
 * know it, and only a clearing worker ever gets a key. */
MUST_CHECK bool worker_hash_open(struct task *t, struct worker_engine *e);
/* The key of the job that comes; empty: none, and the function fails. */
void worker_hash_key(struct worker_engine *e, str key);

#endif
