/* The engine's errors, in weft's words: code, message, hint, and the position in the text that its author wrote. */
#ifndef WEFT_WORKER_ERRORS_H
#define WEFT_WORKER_ERRORS_H

#include "task/task.h"
#include "vec/vec.h"

/* What of an error's text must not leave. */
struct worker_secrets {
    struct arena *mem;      /* as long as the worker */
    struct str_list hidden; /* values of prepare statements that may be secrets */
    bool hides_files;       /* names below in/ mean nothing to a reader */
};

/* Remembers the literals of a statement of ours that could be connection strings or passwords. */
void worker_secrets_learn(struct worker_secrets *secrets, str sql);

/* Where the author's text lies in the statement that ran. `len` 0: nowhere, and no position is given. */
struct worker_span {
    size_t start, len;
};

/* Sets t->err from what the engine said (JSON of `errors_as_json`, or plain text) and returns false. */
bool worker_fail(struct task *t, const struct worker_secrets *secrets, const char *said,
                 struct worker_span span);
/* True after which the engine is not to be trusted any more. */
bool worker_is_fatal(enum error_code code);

#endif
