#include "fault/fault.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
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

static _Atomic int *gone_on; /* shared with a child: the thread that stopped it has gone on */

static void *stop_all(void *handle)
{
    if (fault_pass(handle, FAULT_RUN_EXTRACT))
        atomic_store(gone_on, 1);
    return NULL;
}

static void *never_rest(void *handle)
{
    (void)handle;
    while (atomic_load(gone_on) == 0)
        ;
    return NULL;
}

/* A signal to the process would be taken by any of its threads, and this one would go on until then. */
TEST(nothing_happens_behind_a_fault_point_that_stops)
{
    struct task *t = test_task();

    gone_on =
        mmap(NULL, sizeof(*gone_on), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT(gone_on != MAP_FAILED);
    EXPECT_OK(t, setup(t, "RUN_EXTRACT:stop"));
    for (int i = 0; i < 20; i++) {
        int status = 0;
        atomic_store(gone_on, 0);
        pid_t child = fork();
        if (child == 0) {
            pthread_t threads[4], stops;
            for (int k = 0; k < 4; k++)
                (void)pthread_create(&threads[k], NULL, never_rest, NULL);
            (void)pthread_create(&stops, NULL, stop_all, t);
            (void)pthread_join(stops, NULL);
            _exit(0);
        }
        EXPECT_INT(waitpid(child, &status, WUNTRACED), child);
        EXPECT(WIFSTOPPED(status) && atomic_load(gone_on) == 0);
        (void)kill(child, SIGCONT);
        EXPECT_INT(waitpid(child, &status, 0), child);
        EXPECT(WIFEXITED(status) && atomic_load(gone_on) == 1);
    }
    disarm(t);
    (void)munmap((void *)gone_on, sizeof(*gone_on));
}
