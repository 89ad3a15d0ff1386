#include "fault/fault.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "vec/vec.h"

enum fault_action { ACTION_NONE, ACTION_FAIL, ACTION_FULL, ACTION_STOP, ACTION_KILL };

struct fault_state {
    _Atomic int action;
    _Atomic uint64_t passes; /* that come first */
};

static const char *const names[FAULT_COUNT] = {
#define FAULT(name, where) [FAULT_##name] = #name,
#include "fault/faults.def"
#undef FAULT
};

static struct fault_state states[FAULT_COUNT];

const char *fault_name(enum fault_point point)
{
    return names[point];
}

static bool find_point(struct task *t, str name, int *out)
{
    struct str_list known = {0};
    for (int i = 0; i < FAULT_COUNT; i++) {
        if (str_eq(name, str_of(names[i]))) {
            *out = i;
            return true;
        }
        vec_push(t->mem, &known, str_of(names[i]));
    }
    task_fail(t, ERR_CONFIG, "WEFT_FAULT names no fault point: " STR_FMT, STR_ARG(name));
    str near = str_list_nearest(&known, name);
    return near.len ? task_hint(t, "did you mean " STR_FMT, STR_ARG(near)) : false;
}

static bool find_action(struct task *t, str name, int *out)
{
    static const char *const actions[] = {"", "fail", "full", "stop", "kill"};
    for (int i = ACTION_FAIL; i <= ACTION_KILL; i++) {
        if (str_eq(name, str_of(actions[i]))) {
            *out = i;
            return true;
        }
    }
    task_fail(t, ERR_CONFIG, "WEFT_FAULT knows no action \"" STR_FMT "\"", STR_ARG(name));
    return task_hint(t,
                     "write NAME:fail, full, stop or kill, and :COUNT for passes that come first");
}

static bool arm(struct task *t, str entry)
{
    str name, rest, action, after;
    int point = 0, kind = 0;
    uint64_t passes = 0;
    str_cut(entry, ':', &name, &rest);
    bool has_after = str_cut(rest, ':', &action, &after);
    if (!find_point(t, name, &point) || !find_action(t, action, &kind))
        return false;
    if (has_after && !str_to_u64(after, &passes))
        return task_fail(t, ERR_CONFIG, "WEFT_FAULT has a bad count: " STR_FMT, STR_ARG(entry));
    atomic_store(&states[point].passes, passes);
    atomic_store(&states[point].action, kind);
    return true;
}

bool fault_setup(struct task *t)
{
    str list = str_of(getenv("WEFT_FAULT"));
    str entry;
    for (int i = 0; i < FAULT_COUNT; i++)
        atomic_store(&states[i].action, ACTION_NONE);
    while (list.len) {
        str_cut(list, ',', &entry, &list);
        if (!arm(t, str_trim(entry)))
            return false;
    }
    return true;
}

/* True while passes are left that come first; each is counted once, whatever thread makes it. */
static bool take_pass(struct fault_state *state)
{
    uint64_t left = atomic_load(&state->passes);
    while (left && !atomic_compare_exchange_weak(&state->passes, &left, left - 1)) {
    }
    return left != 0;
}

bool fault_pass(struct task *t, enum fault_point point)
{
    struct fault_state *state = &states[point];
    int action = atomic_load_explicit(&state->action, memory_order_relaxed);
    if (action == ACTION_NONE || take_pass(state))
        return true;
    switch (action) {
    case ACTION_FAIL:
        return task_fail(t, ERR_FAULT, "fault point %s fired", names[point]);
    case ACTION_FULL:
        return task_fail(t, ERR_FULL, "the disk is full (fault point %s)", names[point]);
    case ACTION_STOP:
        (void)raise(SIGSTOP); /* to this thread: another might take it late, and this one go on */
        return true;
    default:
        (void)kill(getpid(), SIGKILL);
        /* The signal comes at once, but to another thread perhaps: nothing may happen after it. */
        for (;;)
            (void)pause();
    }
}
