#include "worker_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/log.h"

enum {
    OPEN_FILES_MAX = 4096,
    THREAD_STACK_BYTES = 16 * 1024 * 1024,
    MB = 1024 * 1024,
    TEMP_SPARE_MB = 256,
    SPARE_MB = 2048, /* stacks, the library, and what the engine does not count */
};

static bool close_other_files(struct task *t, int fd)
{
    if ((fd > 3 && close_range(3, (unsigned)fd - 1, 0)) || close_range((unsigned)fd + 1, ~0u, 0))
        return task_fail_errno(t, ERR_CONFIG, "files that were left open cannot be closed");
    return true;
}

/* Opened with the rights that we start with: later, parents of the folder may be closed to us. */
static int open_extensions(const struct worker_options *options)
{
    if (options->kind != WORKER_EXTRACT || !options->extensions || !options->extensions[0])
        return -1;
    return open(options->extensions, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static bool become_user(struct task *t, const struct worker_options *options)
{
    if (geteuid() == 0) {
        if (!options->uid || !options->gid)
            return task_fail(
                t, ERR_USAGE,
                "a worker of a server that is root needs a --uid and --gid of its own");
        if (setgroups(0, NULL) || setresgid(options->gid, options->gid, options->gid)
            || setresuid(options->uid, options->uid, options->uid))
            return task_fail_errno(t, ERR_CONFIG, "the worker cannot become user %u", options->uid);
    }
    if (geteuid() == 0 || getegid() == 0 || setuid(0) == 0)
        return task_fail(t, ERR_CONFIG, "the worker still has the rights of root");
    return true;
}

static bool limit(struct task *t, int what, uint64_t most)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)what, &now))
        return task_fail_errno(t, ERR_CONFIG, "a resource limit cannot be read");
    /* A limit that stands already and is narrower stays. */
    if (now.rlim_max != RLIM_INFINITY && now.rlim_max < most)
        most = now.rlim_max;
    struct rlimit new = {.rlim_cur = most, .rlim_max = most};
    if (setrlimit((__rlimit_resource_t)what, &new))
        return task_fail_errno(t, ERR_CONFIG, "a resource limit cannot be set");
    return true;
}

static bool limit_resources(struct task *t, const struct worker_options *options)
{
#ifndef WEFT_SANITIZED
    if (!limit(t, RLIMIT_AS, (2 * options->memory_mb + SPARE_MB) * MB))
        return false;
#endif
    /* The engine keeps its own count of what it spills; this is the wall behind it. Past this size write() fails with EFBIG, which the engine reports; the signal would kill. */
    signal(SIGXFSZ, SIG_IGN);
    if (!worker_kind_writes(options->kind)
        && !limit(t, RLIMIT_FSIZE, (options->temp_mb + TEMP_SPARE_MB) * MB))
        return false;
    return limit(t, RLIMIT_NOFILE, OPEN_FILES_MAX) && limit(t, RLIMIT_CORE, 0);
}

static bool set_default_stack(struct task *t)
{
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);
    if (!failed) {
        failed = pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES)
              || pthread_setattr_default_np(&attributes);
        pthread_attr_destroy(&attributes);
    }
    if (failed)
        return task_fail(t, ERR_CONFIG, "the stack of threads cannot be set");
    return true;
}

static bool close_doors(struct task *t)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        return task_fail_errno(t, ERR_CONFIG, "the process cannot give up new rights");
    return true;
}

/* For `required` a missing part is the end; for `best-effort` a line in the log. */
static bool accept_part(struct task *t, const struct worker_options *options, bool ok)
{
    if (ok)
        return true;
    if (options->needs_sandbox)
        return false;
    log_event(LOG_WARN, "worker", NULL, "sandbox incomplete: " STR_FMT, STR_ARG(t->err.message));
    task_clear_error(t);
    return true;
}

bool worker_sandbox_enter(struct task *t, const struct worker_options *options,
                          const char **extensions_out)
{
    umask(0022);
    /* Threads that wait for each other for microseconds should not be late by fifty. */
    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
    signal(SIGPIPE, SIG_IGN);
    if (!close_other_files(t, options->fd))
        return false;
    int extensions_fd = open_extensions(options);
    if (!become_user(t, options) || !limit_resources(t, options) || !set_default_stack(t)
        || !close_doors(t))
        return false;
    if (!accept_part(t, options, worker_landlock_enter(t, options, extensions_fd))
        || !accept_part(t, options, worker_seccomp_enter(t, options)))
        return false;
    static char extensions[64];
    *extensions_out = NULL;
    if (extensions_fd >= 0) {
        snprintf(extensions, sizeof extensions, "/proc/self/fd/%d", extensions_fd);
        *extensions_out = extensions;
    }
    return true;
}
