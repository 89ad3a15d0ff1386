#include "task/task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock/clock.h"

/* The task that this thread began last, for the message of a bug and for nothing else. */
static _Thread_local char newest_id[37];

struct task *task_new(void)
{
    struct task *t = calloc(1, sizeof *t);
    CHECK(t != NULL);
    t->magic = TASK_MAGIC;
    t->mem = arena_new();
    atomic_init(&t->cancelled, false);
    clock_uuid(t->id);
    memcpy(newest_id, t->id, sizeof newest_id);
    return t;
}

void task_free(struct task *t)
{
    if (!t)
        return;
    CHECK(t->magic == TASK_MAGIC);
    if (strcmp(newest_id, t->id) == 0)
        newest_id[0] = '\0';
    arena_free(t->mem);
    arena_free(t->error_mem);
    t->magic = 0;
    free(t);
}

static struct arena *error_mem(struct task *t)
{
    if (!t->error_mem)
        t->error_mem = arena_new();
    return t->error_mem;
}

static bool fail(struct task *t, enum error_code code, str message)
{
    CHECK(t->magic == TASK_MAGIC);
    CHECK(code != ERR_NONE);
    t->err = (struct error){.code = code, .message = message};
    return false;
}

bool(task_fail)(struct task *t, enum error_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    /* Formatted before the store: the arguments may be texts of the error that stands. */
    str message = arena_format_args(error_mem(t), format, args);
    va_end(args);
    return fail(t, code, message);
}

bool(task_fail_errno)(struct task *t, enum error_code code, const char *format, ...)
{
    int number = errno;
    char space[128];
    const char *reason = strerror_r(number, space, sizeof space);
    va_list args;
    va_start(args, format);
    str message = arena_format_args(error_mem(t), format, args);
    va_end(args);
    if (number == ENOSPC || number == EDQUOT)
        code = ERR_FULL;
    message = arena_format(error_mem(t), STR_FMT ": %s", STR_ARG(message), reason);
    return fail(t, code, message);
}

bool(task_detail)(struct task *t, const char *format, ...)
{
    CHECK(t->err.code != ERR_NONE);
    va_list args;
    va_start(args, format);
    t->err.detail = arena_format_args(error_mem(t), format, args);
    va_end(args);
    return false;
}

bool(task_hint)(struct task *t, const char *format, ...)
{
    CHECK(t->err.code != ERR_NONE);
    va_list args;
    va_start(args, format);
    t->err.hint = arena_format_args(error_mem(t), format, args);
    va_end(args);
    return false;
}

static struct place copy_place(struct arena *mem, struct place place)
{
    place.file = arena_str(mem, place.file);
    place.path = arena_str(mem, place.path);
    return place;
}

bool(task_place)(struct task *t, struct place place)
{
    CHECK(t->err.code != ERR_NONE);
    t->err.place = copy_place(error_mem(t), place);
    return false;
}

bool(task_position)(struct task *t, uint32_t position)
{
    CHECK(t->err.code != ERR_NONE);
    t->err.position = position;
    return false;
}

bool(task_fail_as)(struct task *t, const struct error *error)
{
    struct arena *mem = error_mem(t);
    CHECK(error->code != ERR_NONE);
    t->err = (struct error){
        .code = error->code,
        .message = arena_str(mem, error->message),
        .detail = arena_str(mem, error->detail),
        .hint = arena_str(mem, error->hint),
        .place = copy_place(mem, error->place),
        .position = error->position,
    };
    return false;
}

void task_clear_error(struct task *t)
{
    t->err = (struct error){.code = ERR_NONE};
}

bool task_go_on(struct task *t)
{
    if (atomic_load(&t->cancelled))
        return task_fail(t, ERR_CANCELLED, "cancelled by the caller");
    if (t->deadline_ms && clock_monotonic_ms() >= t->deadline_ms)
        return task_fail(t, ERR_TIMEOUT, "the deadline passed");
    return true;
}

void task_cancel(struct task *t)
{
    atomic_store(&t->cancelled, true);
}

int task_left_ms(const struct task *t, int most)
{
    if (!t->deadline_ms)
        return most;
    int64_t left = t->deadline_ms - clock_monotonic_ms();
    if (left < 0)
        return 0;
    return left < most ? (int)left : most;
}

void check_failed(const char *condition, const char *file, int line, const char *where)
{
    dprintf(STDERR_FILENO,
            "level=error module=check task=%s msg=\"a bug: %s does not hold at %s:%d in %s\"\n",
            newest_id[0] ? newest_id : "-", condition, file, line, where);
    abort();
}
