/* Named places where a test may fail, stop or kill the program:
 * WEFT_FAULT=NAME:fail|full|stop|kill[:after], where `after` passes come first. */
#ifndef WEFT_FAULT_H
#define WEFT_FAULT_H

#include "task/task.h"

enum fault_point {
#define FAULT(name, where) FAULT_##name,
#include "fault/faults.def"
#undef FAULT
    FAULT_COUNT
};

/* Reads WEFT_FAULT; false and a message when it names no fault point. */
MUST_CHECK bool fault_setup(struct task *t);
/* True unless this point is armed: `fail` sets ERR_FAULT, `full` ERR_FULL, `stop` SIGSTOPs, `kill`
 * SIGKILLs. */
MUST_CHECK bool fault_pass(struct task *t, enum fault_point point);
const char *fault_name(enum fault_point point);

#endif
