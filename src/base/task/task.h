/* The work in hand: its memory, its error, who asks, until when. First argument of all that can
 * fail. */
#ifndef WEFT_TASK_H
#define WEFT_TASK_H

#include <stdatomic.h>

#include "arena/arena.h"
#include "error/error.h"

#define MUST_CHECK __attribute__((warn_unused_result))

struct actor; /* catalog/actor */

enum { TASK_MAGIC = 0x7a5c };

struct task {
    uint32_t magic;
    struct arena *mem;
    struct error err;
    const struct actor *actor; /* who asks; never NULL above drivers */
    int64_t deadline_ms;       /* on the monotonic clock; 0 is none */
    atomic_bool cancelled;
    char id[37]; /* UUID version 7 */
    /* The texts of errors: apart from `mem`, so that a rewind on the way up does not take them. */
    struct arena *error_mem;
};

/* A task with its own arena. */
struct task *task_new(void);
void task_free(struct task *t);

/* Sets t->err and returns false. A message that stands already is replaced: say it once. */
bool task_fail(struct task *t, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* As task_fail, with the text of errno behind the message; ENOSPC and EDQUOT become ERR_FULL. */
bool task_fail_errno(struct task *t, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Each adds to the error that stands and returns false. */
bool task_detail(struct task *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool task_hint(struct task *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool task_place(struct task *t, struct place place);
bool task_position(struct task *t, uint32_t position);
/* Takes a copy of the error of another task, or of one that was kept. */
bool task_fail_as(struct task *t, const struct error *error);
void task_clear_error(struct task *t);

/* So that compilers and analyzers see that they give false. */
static inline bool task_false(bool told)
{
    (void)told;
    return false;
}
#define task_fail(...) task_false(task_fail(__VA_ARGS__))
#define task_fail_errno(...) task_false(task_fail_errno(__VA_ARGS__))
#define task_detail(...) task_false(task_detail(__VA_ARGS__))
#define task_hint(...) task_false(task_hint(__VA_ARGS__))
#define task_place(...) task_false(task_place(__VA_ARGS__))
#define task_position(...) task_false(task_position(__VA_ARGS__))
#define task_fail_as(...) task_false(task_fail_as(__VA_ARGS__))

/* Fails with CANCELLED or TIMEOUT when the task should end. */
MUST_CHECK bool task_go_on(struct task *t);
void task_cancel(struct task *t);
/* Milliseconds to the deadline, at least 0 and at most `most`; `most` when there is none. */
int task_left_ms(const struct task *t, int most);

/* A bug, not a failure: prints the place and the task, and stops the program. On in every build. */
#define CHECK(condition)                                                                           \
    ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__, __func__))
_Noreturn void check_failed(const char *condition, const char *file, int line, const char *where);

#endif
