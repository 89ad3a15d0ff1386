/* Jobs of clearing workers, for gate_making.c and gate_fetch.c. All under gate->lock but gate_making_new and gate_lend_clearing. */
#ifndef WEFT_GATE_MAKING_H
#define WEFT_GATE_MAKING_H

#include "gate_inside.h"

/* One that goes on and makes the copy at this path; NULL: nobody does. */
struct gate_making *gate_find_making(const struct gate *gate, str path);
/* Empty: the caller fills in origins, parts and job, in the memory of its task. */
struct gate_making *gate_making_new(struct gate *gate, uint64_t table_id);
/* Into the queue, with a thread for it. On failure it is gone. */
MUST_CHECK bool gate_making_begin(struct task *t, struct gate_making *making);
/* One waiter less; the last one cancels what still goes on, and frees what does not. */
void gate_making_leave(struct gate_making *making);
/* Not under the lock. Those who wait for what is made hold workers themselves: where no other is left, waiting long would be waiting for
 * ever, so it ends with ERR_TOO_MANY. */
MUST_CHECK bool gate_lend_clearing(struct task *t, struct gate *gate, int64_t wait_ms,
                                   struct worker **out);
/* How an original is called in a clearing worker's folder. */
str gate_origin_name(struct arena *mem, str sha256);

#endif
