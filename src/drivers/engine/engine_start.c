#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock/clock.h"
#include "engine/engine_inside.h"
#include "log/log.h"

enum { EXIT_NO_SANDBOX = 78, EXIT_NO_PROGRAM = 127, ARGUMENTS_MAX = 16 };

/* Who the worker runs as: a user of its slot's own where we are root, else whoever we are. */
static void choose_user(struct worker *w)
{
    const struct engine *engine = w->engine;

    w->uid = engine->is_root ? engine->first_uid + w->slot : geteuid();
    w->gid = engine->is_root ? (gid_t)w->uid : getegid();
}

static void prepare(struct worker *w)
{
    struct engine *engine = w->engine;
    char folder[64];

    pthread_mutex_lock(&engine->lock);
    snprintf(w->name, sizeof(w->name), "%" PRIu64, ++engine->serial);
    pthread_mutex_unlock(&engine->lock);
    int len = snprintf(folder, sizeof(folder), "/workers/%s", w->name);
    size_t home_len = strlen(engine->home);
    char *path = malloc(home_len + (size_t)len + 1);
    CHECK(path != NULL);
    memcpy(path, engine->home, home_len);
    memcpy(path + home_len, folder, (size_t)len + 1);
    w->folder = (str){path, home_len + (size_t)len};
    w->is_doomed = w->is_unclean = false;
    w->jobs = 0;
    w->begun_ms = clock_monotonic_ms();
    w->status = 0;
    choose_user(w);
    engine_wire_close(w);
}

static void arguments(struct task *t, const struct worker *w, struct engine_reach reach,
                      char *argv[ARGUMENTS_MAX + 1])
{
    const struct engine *engine = w->engine;
    struct arena *mem = t->mem;
    size_t n = 0;

    argv[n++] = engine->program;
#define ARGUMENT(...) argv[n++] = arena_c_string(mem, arena_format(mem, __VA_ARGS__))
    ARGUMENT("--kind=%s", worker_kind_name(w->kind));
    ARGUMENT("--fd=3");
    ARGUMENT("--folder=" STR_FMT, STR_ARG(w->folder));
    ARGUMENT("--uid=%u", (unsigned)w->uid);
    ARGUMENT("--gid=%u", (unsigned)w->gid);
    ARGUMENT("--memory-mb=%" PRId64, engine->memory_mb);
    ARGUMENT("--temp-mb=%" PRId64, engine->temp_mb);
    ARGUMENT("--threads=%" PRId64, engine->threads);
    ARGUMENT("--sandbox=%s", engine->sandbox);
    ARGUMENT("--extensions=%s", engine->extensions);
    if (w->kind == WORKER_EXTRACT && reach.listen_port != 0)
        ARGUMENT("--connect-port=%u", reach.listen_port);
#undef ARGUMENT
    argv[n] = NULL;
}

static bool run_program(struct task *t, struct worker *w, struct engine_reach reach)
{
    char *argv[ARGUMENTS_MAX + 1];
    int ends[2], error = 0;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return task_fail_errno(t, ERR_WORKER, "cannot make a socket pair for a worker");
    w->fd = ends[0];
    arguments(t, w, reach, argv);
    pid_t pid = engine_spawn(argv, ends[1], w->folder_fd, &error);
    close(ends[1]);
    pthread_mutex_lock(&w->engine->lock);
    w->pid = pid;
    w->engine->started += pid != 0;
    pthread_mutex_unlock(&w->engine->lock);
    if (error != 0) {
        errno = error;
        task_fail_errno(t, ERR_WORKER, "cannot run %s", argv[0]);
        return task_hint(
            t,
            "weft-worker is installed with weft; the setting worker_program says where else it is");
    }
    return true;
}

bool engine_worker_start(struct task *t, struct worker *w, struct engine_reach reach)
{
    int64_t begun_us = clock_monotonic_us();
    struct arena_mark mark = arena_mark(t->mem);

    prepare(w);
    if (!engine_folder_make(t, w) || !run_program(t, w, reach) || !engine_hello_wait(t, w)) {
        engine_worker_end(w, 0);
        return false;
    }
    arena_rewind(t->mem, mark);
    log_event(LOG_DEBUG, "engine", t, "worker started: kind=%s folder=%s us=%" PRId64,
              worker_kind_name(w->kind), w->name, clock_monotonic_us() - begun_us);
    return true;
}

void engine_worker_kill(struct worker *w)
{
    struct engine *engine = w->engine;
    siginfo_t info;

    w->is_doomed = true;
    /* The pid is ours as long as it was not waited for, and that is done under the lock: no signal
     * can meet a stranger. */
    pthread_mutex_lock(&engine->lock);
    pid_t pid = w->pid;
    if (pid != 0)
        kill(pid, SIGKILL);
    pthread_mutex_unlock(&engine->lock);
    if (pid == 0)
        return;
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&engine->lock);
    if (waitpid(pid, &w->status, WNOHANG) != pid)
        w->status = 0;
    w->pid = 0;
    pthread_mutex_unlock(&engine->lock);
}

/* Waits until the worker closes the wire, which it does by ending. */
static void wait_for_end(struct worker *w, int grace_ms)
{
    int64_t until_ms = clock_monotonic_ms() + grace_ms;

    for (int64_t left_ms = grace_ms; left_ms > 0; left_ms = until_ms - clock_monotonic_ms()) {
        enum wire_state state = engine_wire_wait(w, (int)left_ms);
        w->wire.at = w->wire.in.len; /* whatever it still says */
        if (state == WIRE_ENDED)
            return;
    }
}

void engine_worker_end(struct worker *w, int grace_ms)
{
    if (w->fd >= 0 && w->pid != 0 && grace_ms > 0 && engine_wire_post(w, FRAME_QUIT))
        wait_for_end(w, grace_ms);
    engine_worker_kill(w);
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
    engine_wire_close(w);
    buf_free(&w->wire.in);
    engine_folder_drop(w);
    free((char *)w->folder.ptr);
    w->folder = STR_NONE;
}

static bool fate_by_signal(struct task *t, int number)
{
    const char *name = sigabbrev_np(number);

    task_fail(t, ERR_WORKER, "the worker was ended by signal %d (%s)", number, name ? name : "?");
    if (number == SIGKILL)
        return task_hint(
            t, "someone or the machine, short of memory, has killed it; see worker_memory_mb");
    if (number == SIGSYS)
        return task_hint(t, "it tried a system call that its sandbox refuses");
    return false;
}

bool engine_worker_gone(struct task *t, struct worker *w)
{
    bool had_process = w->pid != 0;

    engine_worker_kill(w);
    pthread_mutex_lock(&w->engine->lock);
    bool is_withdrawn = w->is_withdrawn;
    pthread_mutex_unlock(&w->engine->lock);
    if (is_withdrawn) {
        task_fail(t, ERR_CONFLICT, "what the query reads was withdrawn while it ran");
        return task_hint(t, "ask again");
    }
    if (!had_process) {
        task_fail(t, ERR_WORKER, "this worker has ended with an earlier failure");
        return task_hint(t, "ask again, with another worker");
    }
    if (WIFSIGNALED(w->status))
        return fate_by_signal(t, WTERMSIG(w->status));
    int code = WIFEXITED(w->status) ? WEXITSTATUS(w->status) : 0;
    if (code == EXIT_NO_SANDBOX) {
        task_fail(t, ERR_CONFIG, "the worker cannot set up its sandbox");
        return task_hint(
            t, "its line in the log says what is missing; where the kernel has no Landlock, run "
               "another or set sandbox = best-effort");
    }
    if (code == EXIT_NO_PROGRAM) {
        task_fail(t, ERR_WORKER, "cannot run %s", w->engine->program);
        return task_hint(
            t,
            "weft-worker is installed with weft; the setting worker_program says where else it is");
    }
    return task_fail(t, ERR_WORKER, "the worker ended with exit code %d", code);
}
