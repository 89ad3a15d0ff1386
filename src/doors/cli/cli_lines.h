/* Bytes that come in parts, given on line by line. */
#ifndef WEFT_CLI_LINES_H
#define WEFT_CLI_LINES_H

#include "buf/buf.h"
#include "task/task.h"

struct cli_lines {
    struct buf *rest; /* of the last part, without its end */
    void *state;
    bool (*line)(struct task *t, void *state, str line);
};

void cli_lines_begin(struct task *t, struct cli_lines *lines);
/* What the function makes in the task's memory goes with the line. */
MUST_CHECK bool cli_lines_take(struct task *t, void *lines, str bytes);

#endif
