#include "clock/clock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

static const int64_t second_us = 1000000;

TEST(clock_parses_times)
{
    static const struct {
        const char *text;
        int64_t expected_us;
    } good[] = {
        {"1970-01-01", 0},
        {"2027-01-01", 1798761600LL * 1000000},
        {"2024-02-29", 1709164800LL * 1000000},
        {"1969-12-31T23:59:59.999999Z", -1},
        {"2026-11-22T10:47:24.123456Z", 1795344444123456LL},
        {"2026-11-22 10:47:24.1234567", 1795344444123456LL},
        {"2026-11-22T12:47:24.123456+02:00", 1795344444123456LL},
        {"2026-11-22T05:17:24.123456-0530", 1795344444123456LL},
        {"2026-11-22T12:47:24.123456+02", 1795344444123456LL},
        {"2026-11-22T10:47Z", 1795344420LL * 1000000},
    };
    static const char *const bad[] = {
        "",
        "2026",
        "2026-13-01",
        "2026-00-01",
        "2026-02-29",
        "2100-02-29",
        "2026-04-31",
        "2026-1-1",
        "2026-01-01T",
        "2026-01-01Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T10:60:00Z",
        "2026-01-01T10:00:60Z",
        "2026-01-01T10:00:00.Z",
        "2026-01-01T10:00:00+",
        "2026-01-01T10:00:00+1",
        "2026-01-01T10:00:00+01:",
        "2026-01-01T10:00:00Zx",
        "2026-01-01 ",
        " 2026-01-01",
        "yesterday",
    };
    int64_t found_us = 0;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        EXPECT(clock_parse(str_of(good[i].text), &found_us));
        EXPECT_INT(found_us, good[i].expected_us);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        EXPECT(!clock_parse(str_of(bad[i]), &found_us));
}

TEST(clock_writes_what_it_parses)
{
    struct task *t = test_task();
    EXPECT_STR(clock_text(t->mem, 0), "1970-01-01T00:00:00.000000Z");
    EXPECT_STR(clock_text(t->mem, -1), "1969-12-31T23:59:59.999999Z");
    EXPECT_STR(clock_text(t->mem, 1795344444123456LL), "2026-11-22T10:47:24.123456Z");
    for (int64_t day = -719162; day < 2932896; day += 131) {
        int64_t made_us = day * 86400 * second_us + 45296000007LL, found_us = 0;
        if (!clock_parse(clock_text(t->mem, made_us), &found_us) || found_us != made_us)
            EXPECT_INT(found_us, made_us);
    }
}

TEST(clock_runs)
{
    int64_t wall_us = clock_now_us(), ms = clock_monotonic_ms(), us = clock_monotonic_us();
    if (!getenv("WEFT_TEST_NOW")) {
        int64_t off_us = wall_us - (int64_t)time(NULL) * second_us;
        EXPECT(off_us > -5 * second_us && off_us < 5 * second_us);
    }
    EXPECT(clock_monotonic_us() >= us && clock_monotonic_ms() >= ms && us / 1000 >= ms);
}

TEST(clock_makes_ids)
{
    char a[37], b[37];
    clock_uuid(a);
    (void)usleep(2000);
    clock_uuid(b);
    EXPECT_INT(strlen(a), 36);
    EXPECT(a[8] == '-' && a[13] == '-' && a[14] == '7' && a[18] == '-' && a[23] == '-');
    EXPECT(strchr("89ab", a[19]) != NULL);
    EXPECT(strcmp(a, b) < 0);
}

TEST(clock_random_fills)
{
    unsigned char a[32] = {0}, b[32] = {0};
    clock_random(a, sizeof a);
    clock_random(b, sizeof b);
    EXPECT(memcmp(a, b, sizeof a) != 0);
    clock_random(a, 0);
}

/* The shift is read at the start of a process, so this test calls itself with one. */
TEST(clock_is_shifted)
{
    const char *start = "2031-05-06T07:08:09Z";
    int64_t start_us = 0;
    int status = 0;
    EXPECT(clock_parse(str_of(start), &start_us));
    if (getenv("WEFT_TEST_NOW")) {
        int64_t run_us = clock_now_us() - start_us;
        EXPECT(run_us >= 0 && run_us < 60 * second_us);
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        (void)setenv("WEFT_TEST_NOW", start, 1);
        (void)dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
        (void)execl("/proc/self/exe", "unit_tests", "clock_is_shifted", (char *)NULL);
        _exit(99);
    }
    REQUIRE(waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
