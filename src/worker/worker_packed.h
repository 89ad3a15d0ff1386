/* Source files as they come, unpacked where their name says that they are packed. */
#ifndef WEFT_WORKER_PACKED_H
#define WEFT_WORKER_PACKED_H

#include "worker_engine.h"

typedef bool worker_packed_take(struct task *t, void *state, str bytes);

/* All bytes of `in/<name>` go to `take` (NULL: nowhere). A `.gz` and a `.zst` are whole when this is true: the last byte belongs to the
 * file, and its checksum holds. The engine takes the end of the bytes for the end of the table, so that a file which was cut would
 * lose rows without a word. */
MUST_CHECK bool worker_packed_read(struct task *t, struct worker_engine *e, str name,
                                   worker_packed_take *take, void *state);

#endif
