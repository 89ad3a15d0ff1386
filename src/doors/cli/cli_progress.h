/* What goes on right now, on stderr: lines that are drawn again on a terminal, one line a step elsewhere. */
#ifndef WEFT_CLI_PROGRESS_H
#define WEFT_CLI_PROGRESS_H

#include "tree/tree.h"

struct progress_line {
    str product, step, subject;
    double share; /* below 0: not known */
    int64_t began_ms;
};

struct progress {
    struct arena *mem;
    bool is_quiet, is_terminal;
    size_t width; /* of the widest product so far */
    size_t drawn; /* lines on the terminal */
    VEC_OF(struct progress_line)
};

void progress_begin(struct progress *progress, struct arena *mem, bool is_quiet);
/* An event with product, step, subject and share. */
void progress_step(struct progress *progress, const struct tree *event);
void progress_end(struct progress *progress, str product);
void progress_draw(struct progress *progress);
/* Takes the lines away, so that something else can be printed. */
void progress_clear(struct progress *progress);

#endif
