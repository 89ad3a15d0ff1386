#include "cron/cron.h"

#include "arena/arena.h"
#include "clock/clock.h"
#include "test.h"

/* When it is due next, after a time; empty: never, and `-`: it is no schedule. */
static str next(struct arena *mem, const char *schedule, const char *after)
{
    struct cron cron;
    int64_t time_us = 0;
    if (!cron_parse(str_of(schedule), &cron))
        return STR("-");
    CHECK(clock_parse(str_of(after), &time_us));
    int64_t next_us = cron_after(&cron, time_us);
    return next_us == INT64_MAX ? STR_NONE : str_sub(clock_text(mem, next_us), 0, 16);
}

TEST(cron_finds_the_next_time)
{
    struct arena *mem = arena_new();
    static const char *const cases[][3] = {
        {"0 20 * * *", "2026-03-01T19:59:59Z", "2026-03-01T20:00"},
        {"0 20 * * *", "2026-03-01T20:00:00Z", "2026-03-02T20:00"},
        {"*/15 * * * *", "2026-03-01T10:15:01Z", "2026-03-01T10:30"},
        {"5/20 * * * *", "2026-03-01T10:26:00Z", "2026-03-01T10:45"},
        {"0 9-17/4 * * MON-FRI", "2026-03-06T17:30:00Z", "2026-03-09T09:00"},
        {"0 0 29 2 *", "2026-03-01", "2028-02-29T00:00"},
        {"0 0 31 * *", "2026-03-31T00:00:00Z", "2026-05-31T00:00"},
        {"0 0 1,15 * 1", "2026-03-01T00:00:00Z", "2026-03-02T00:00"}, /* either day */
        {"0 0 * * 7", "2026-03-01T00:00:00Z", "2026-03-08T00:00"},
        {"0 0 * * sun", "2026-02-28T00:00:00Z", "2026-03-01T00:00"},
        {"0 0 1 JAN,jul *", "2026-03-01", "2026-07-01T00:00"},
        {"59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59"},
        {" @daily ", "2026-03-01T00:00:00Z", "2026-03-02T00:00"},
        {"@hourly", "1969-12-31T23:59:59Z", "1970-01-01T00:00"},
        {"@weekly", "2026-03-01T00:00:00Z", "2026-03-08T00:00"},
        {"0 0 30 2 *", "2026-03-01", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        EXPECT_STR(next(mem, cases[i][0], cases[i][1]), cases[i][2]);
    arena_free(mem);
}

TEST(cron_refuses_what_is_no_schedule)
{
    struct arena *mem = arena_new();
    static const char *const texts[] = {"",           "* * * *",     "* * * * * *", "60 * * * *",
                                        "* 24 * * *", "* * 0 * *",   "* * 32 * *",  "* * * 13 *",
                                        "* * * * 8",  "5-1 * * * *", "*/0 * * * *", "1,,2 * * * *",
                                        "-1 * * * *", "a * * * *",   "@never",      "0 20",
                                        "PT1H",       "1- * * * *",  "* * * * mo",  "001 * * * *"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        EXPECT_STR(next(mem, texts[i], "2026-03-01"), "-");
    arena_free(mem);
}
