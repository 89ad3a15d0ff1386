#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/engine_inside.h"

/* All that the child needs, made before it exists: between vfork and execve it calls the kernel and
 * nothing else. */
struct spawn {
    char *const *argv;
    char *const *envp;
    int fd, null_fd, folder_fd;
    volatile int error; /* written by the child, which shares our memory until it runs */
};

enum { WORKER_FD = 3, ABOVE_FD = 10, BLIND_CLOSE_MAX = 65536, EXIT_NO_PROGRAM = 127 };

/* What a worker may inherit: where to find things and how sanitizers behave. Secrets live in the
 * environment too. */
static const char *const kept_variables[] = {
    "PATH=",         "LANG=",          "LC_ALL=",       "ASAN_OPTIONS=",
    "LSAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS=", "LLVM_PROFILE_FILE="};
enum { KEPT_COUNT = sizeof(kept_variables) / sizeof(kept_variables[0]) };

static void kept_environment(char *envp[KEPT_COUNT + 1])
{
    size_t len = 0;

    for (char **variable = environ; variable != NULL && *variable != NULL; variable++) {
        for (size_t i = 0; i < KEPT_COUNT && len < KEPT_COUNT; i++) {
            if (strncmp(*variable, kept_variables[i], strlen(kept_variables[i])) == 0)
                envp[len++] = *variable;
        }
    }
    envp[len] = NULL;
}

static void close_from(int first)
{
    if (syscall(SYS_close_range, first, ~0U, 0) == 0)
        return;
    for (int fd = first; fd < BLIND_CLOSE_MAX; fd++)
        close(fd);
}

/* What the server handles or ignores is no matter of the worker's. */
static void reset_signals(void)
{
    struct sigaction plain;
    sigset_t none;

    memset(&plain, 0, sizeof(plain));
    plain.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; number++)
        sigaction(number, &plain, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void spawn_child(struct spawn *spawn)
{
    /* A session of its own: Ctrl-C on the server's terminal is the server's to hear. */
    setsid();
    reset_signals();
    if (fchdir(spawn->folder_fd) == 0 && dup2(spawn->null_fd, 0) >= 0
        && dup2(spawn->null_fd, 1) >= 0 && dup2(spawn->fd, WORKER_FD) >= 0) {
        close_from(WORKER_FD + 1);
        execve(spawn->argv[0], spawn->argv, spawn->envp);
    }
    spawn->error = errno;
    _exit(EXIT_NO_PROGRAM);
}

/* In a function of its own, because the child runs on this very stack. */
static __attribute__((noinline)) pid_t spawn_vfork(struct spawn *spawn)
{
    pid_t pid = vfork();

    if (pid == 0)
        spawn_child(spawn);
    return pid;
}

pid_t engine_spawn(char *const argv[], int fd, int folder_fd, int *error_out)
{
    char *envp[KEPT_COUNT + 1];
    struct spawn spawn = {.argv = argv, .envp = envp, .fd = -1, .null_fd = -1, .folder_fd = -1};
    sigset_t all, before;
    pid_t pid = 0;

    kept_environment(envp);
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    /* Above 3, so that making one of the child's descriptors does not take away another. */
    spawn.null_fd = null_fd < 0 ? -1 : fcntl(null_fd, F_DUPFD_CLOEXEC, ABOVE_FD);
    spawn.fd = fcntl(fd, F_DUPFD_CLOEXEC, ABOVE_FD);
    spawn.folder_fd = fcntl(folder_fd, F_DUPFD_CLOEXEC, ABOVE_FD);
    if (spawn.null_fd >= 0 && spawn.fd >= 0 && spawn.folder_fd >= 0) {
        /* A handler that ran in the child would write to our memory. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pid = spawn_vfork(&spawn);
        spawn.error = pid < 0 ? errno : spawn.error;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    } else {
        spawn.error = errno;
    }
    if (null_fd >= 0)
        close(null_fd);
    if (spawn.null_fd >= 0)
        close(spawn.null_fd);
    if (spawn.fd >= 0)
        close(spawn.fd);
    if (spawn.folder_fd >= 0)
        close(spawn.folder_fd);
    /* A child that could not run its program is still to be waited for. */
    *error_out = spawn.error;
    return pid > 0 ? pid : 0;
}
