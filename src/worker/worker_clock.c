/* The engine has no setting for its present. Names in the default catalog come before its own, so macros of ours stand there while a
 * time is frozen: every spelling (`CURRENT_DATE`, `now()`, `localtimestamp`) ends in one of these functions. */
#include "worker_clock.h"

#include "clock/clock.h"

/* The time itself, as a TIMESTAMP in UTC, as all workers are. */
#define FROZEN_NOW "weft_frozen_now"

static const struct frozen {
    const char *name, *body;
} FROZEN[] = {
    {"now", "() AS CAST(" FROZEN_NOW "() AS TIMESTAMPTZ)"},
    {"transaction_timestamp", "() AS CAST(" FROZEN_NOW "() AS TIMESTAMPTZ)"},
    {"get_current_timestamp", "() AS CAST(" FROZEN_NOW "() AS TIMESTAMPTZ)"},
    {"current_date", "() AS CAST(" FROZEN_NOW "() AS DATE)"},
    {"today", "() AS CAST(" FROZEN_NOW "() AS DATE)"},
    {"current_localtimestamp", "() AS " FROZEN_NOW "()"},
    {"current_localtime", "() AS CAST(" FROZEN_NOW "() AS TIME)"},
    {"get_current_time", "() AS CAST(CAST(" FROZEN_NOW "() AS TIMESTAMPTZ) AS TIMETZ)"},
    {"age", "(a) AS system.main.age(" FROZEN_NOW "(), a), (a, b) AS system.main.age(a, b)"},
};

static bool thaw(struct task *t, struct worker_engine *e)
{
    for (size_t i = 0; i < sizeof FROZEN / sizeof *FROZEN; i++)
        if (!worker_execute(
                t, e, arena_format(t->mem, "DROP MACRO IF EXISTS main.\"%s\"", FROZEN[i].name)))
            return false;
    e->is_frozen = false;
    return worker_execute(t, e, STR("DROP MACRO IF EXISTS main." FROZEN_NOW));
}

static bool freeze(struct task *t, struct worker_engine *e, int64_t now_us)
{
    str time = clock_text(t->mem, now_us);
    str without_zone = str_sub(time, 0, time.len - 1);
    e->is_frozen = true;
    if (!worker_execute(t, e,
                        arena_format(t->mem,
                                     "CREATE OR REPLACE MACRO main." FROZEN_NOW
                                     "() AS TIMESTAMP '" STR_FMT "'",
                                     STR_ARG(without_zone))))
        return false;
    for (size_t i = 0; i < sizeof FROZEN / sizeof *FROZEN; i++)
        if (!worker_execute(t, e,
                            arena_format(t->mem, "CREATE OR REPLACE MACRO main.\"%s\"%s",
                                         FROZEN[i].name, FROZEN[i].body)))
            return false;
    return true;
}

bool worker_clock_set(struct task *t, struct worker_engine *e, str now)
{
    int64_t now_us;
    if (!now.len)
        return !e->is_frozen || thaw(t, e);
    return clock_parse(now, &now_us) ? freeze(t, e, now_us)
                                     : task_fail(t, ERR_PROTOCOL, "a job has no such time");
}
