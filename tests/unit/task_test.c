#include "task/task.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock/clock.h"
#include "test.h"

TEST(task_keeps_the_last_message)
{
    struct task *t = test_task();
    EXPECT_INT(strlen(t->id), 36);
    EXPECT(!task_fail(t, ERR_DENIED, "column %s is not granted", "ssn"));
    EXPECT(!task_detail(t, "d%d", 1));
    EXPECT(!task_hint(t, "h%d", 2));
    EXPECT(!task_position(t, 17));
    EXPECT(!task_place(t, (struct place){STR("f"), 1, 2, STR("p")}));
    EXPECT_INT(t->err.code, ERR_DENIED);
    EXPECT_STR(t->err.message, "column ssn is not granted");
    EXPECT_STR(t->err.detail, "d1");
    EXPECT_STR(t->err.hint, "h2");
    EXPECT_INT(t->err.position, 17);
    EXPECT_STR(t->err.place.path, "p");
    EXPECT(!task_fail(t, ERR_IO, "again: " STR_FMT, STR_ARG(t->err.message)));
    EXPECT_STR(t->err.message, "again: column ssn is not granted");
    EXPECT_STR(t->err.hint, "");
    EXPECT_INT(t->err.position, 0);
    task_clear_error(t);
    EXPECT_INT(t->err.code, ERR_NONE);
}

TEST(task_message_outlives_a_rewind)
{
    struct task *t = test_task();
    struct arena_mark mark = arena_mark(t->mem);
    EXPECT_FAIL(t, ERR_DATA, task_fail(t, ERR_DATA, "row %d", 7));
    arena_rewind(t->mem, mark);
    EXPECT_STR(t->err.message, "row 7");
}

TEST(task_tells_errno)
{
    struct task *t = test_task();
    errno = ENOENT;
    EXPECT(!task_fail_errno(t, ERR_IO, "cannot open %s", "x"));
    EXPECT_INT(t->err.code, ERR_IO);
    EXPECT_STR(t->err.message, "cannot open x: No such file or directory");
    errno = ENOSPC;
    EXPECT(!task_fail_errno(t, ERR_IO, "cannot write"));
    EXPECT_INT(t->err.code, ERR_FULL);
    errno = EDQUOT;
    EXPECT(!task_fail_errno(t, ERR_IO, "cannot write"));
    EXPECT_INT(t->err.code, ERR_FULL);
}

TEST(task_takes_the_error_of_another)
{
    struct task *t = test_task();
    struct task *other = task_new();
    task_fail(other, ERR_SOURCE, "host is down");
    task_hint(other, "start it");
    EXPECT(!task_fail_as(t, &other->err));
    task_free(other);
    EXPECT_INT(t->err.code, ERR_SOURCE);
    EXPECT_STR(t->err.message, "host is down");
    EXPECT_STR(t->err.hint, "start it");
}

TEST(task_goes_on_until_deadline_or_cancel)
{
    struct task *t = test_task();
    EXPECT_OK(t, task_go_on(t));
    EXPECT_INT(task_left_ms(t, 50), 50);
    t->deadline_ms = clock_monotonic_ms() + 60000;
    EXPECT_OK(t, task_go_on(t));
    EXPECT_INT(task_left_ms(t, 50), 50);
    EXPECT(task_left_ms(t, 100000) > 50000 && task_left_ms(t, 100000) <= 60000);
    t->deadline_ms = 1;
    EXPECT_INT(task_left_ms(t, 50), 0);
    EXPECT_FAIL(t, ERR_TIMEOUT, task_go_on(t));
    EXPECT_INT(t->deadline_ms, 1);
    task_cancel(t);
    EXPECT_FAIL(t, ERR_CANCELLED, task_go_on(t));
}

TEST(task_free_allows_none)
{
    task_free(NULL);
    EXPECT(true);
}

TEST(check_stops_the_program)
{
    int ends[2];
    char text[500] = "";
    int status = 0;
    REQUIRE(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(ends[1], STDERR_FILENO);
        int zero = 0;
        CHECK(zero == 1);
        _exit(0);
    }
    (void)close(ends[1]);
    REQUIRE(waitpid(child, &status, 0) == child);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    EXPECT(read(ends[0], text, sizeof text - 1) > 0);
    EXPECT(strstr(text, "a bug: zero == 1 does not hold at ") != NULL);
    EXPECT(strstr(text, "task_test.c") != NULL);
    (void)close(ends[0]);
}
