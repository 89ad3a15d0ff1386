#include "fault/fault.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static bool setup(struct task *t, const char *text)
{
    (void)setenv("WEFT_FAULT", text, 1);
    bool ok = fault_setup(t);
    (void)unsetenv("WEFT_FAULT");
    return ok;
}

static void disarm(struct task *t)
{
    EXPECT_OK(t, fault_setup(t));
}

TEST(fault_points_pass_when_not_armed)
{
    struct task *t = test_task();
    disarm(t);
    EXPECT_OK(t, fault_pass(t, FAULT_STORE_WRITE));
    EXPECT_STR(fault_name(FAULT_STORE_WRITE), "STORE_WRITE");
}

TEST(fault_points_fail)
{
    struct task *t = test_task();
    EXPECT_OK(t, setup(t, "STORE_WRITE:fail, STORE_SYNC:full:2"));
    EXPECT_FAIL(t, ERR_FAULT, fault_pass(t, FAULT_STORE_WRITE));
    EXPECT_STR(t->err.message, "fault point STORE_WRITE fired");
    EXPECT_OK(t, fault_pass(t, FAULT_STORE_SYNC));
    EXPECT_OK(t, fault_pass(t, FAULT_STORE_SYNC));
    EXPECT_FAIL(t, ERR_FULL, fault_pass(t, FAULT_STORE_SYNC));
    EXPECT_OK(t, fault_pass(t, FAULT_STORE_MOVE));
    disarm(t);
    EXPECT_OK(t, fault_pass(t, FAULT_STORE_WRITE));
}

TEST(fault_setup_refuses_what_it_does_not_know)
{
    struct task *t = test_task();
    EXPECT_FAIL(t, ERR_CONFIG, setup(t, "STORE_WRITES:fail"));
    EXPECT_STR(t->err.hint, "did you mean STORE_WRITE");
    EXPECT_FAIL(t, ERR_CONFIG, setup(t, "STORE_WRITE:explode"));
    EXPECT_FAIL(t, ERR_CONFIG, setup(t, "STORE_WRITE"));
    EXPECT_FAIL(t, ERR_CONFIG, setup(t, "STORE_WRITE:fail:soon"));
    EXPECT_FAIL(t, ERR_CONFIG, setup(t, ",STORE_WRITE:fail"));
    disarm(t);
}

TEST(fault_points_kill_and_stop)
{
    struct task *t = test_task();
    int status = 0;
    EXPECT_OK(t, setup(t, "RUN_BEGIN:kill,RUN_EXTRACT:stop"));
    pid_t child = fork();
    if (child == 0)
        _exit(fault_pass(t, FAULT_RUN_EXTRACT) && fault_pass(t, FAULT_RUN_BEGIN));
    EXPECT_INT(waitpid(child, &status, WUNTRACED), child);
    EXPECT(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    (void)kill(child, SIGCONT);
    EXPECT_INT(waitpid(child, &status, 0), child);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    disarm(t);
}
