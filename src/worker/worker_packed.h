/* Packed source files, held against their own ends before rows of them count. */
#ifndef WEFT_WORKER_PACKED_H
#define WEFT_WORKER_PACKED_H

#include "worker_engine.h"

/* Every `.gz` and `.zst` that the text reads as 'in/NAME' is whole: its last byte belongs to it, and its checksum holds. The engine
 * takes the end of the bytes for the end of the table, so that a file which was cut would lose rows without a word. */
MUST_CHECK bool worker_packed_check(struct task *t, struct worker_engine *e, str text);

#endif
