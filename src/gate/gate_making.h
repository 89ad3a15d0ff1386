/* Jobs of clearing workers, for gate_making.c and gate_fetch.c. All under gate->lock but gate_making_new. */
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
/* How an original is called in a clearing worker's folder. */
str gate_origin_name(struct arena *mem, str sha256);

#endif
