#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf/buf.h"
#include "cli_inside.h"
#include "clock/clock.h"
#include "limits/limits.h"

enum {
    SERVER_ANSWER_MS = 30000, /* of one that is there */
    SERVER_START_MS = 120000, /* recovery of a large home may take its time */
    SERVER_BUSY_MS = 15000,   /* while another one begins or ends */
    SERVER_LOOK_MS = 5,
    SERVER_LOG_BYTES_MAX = 1 << 20,
};

enum server_state { SERVER_FAILED, SERVER_READY, SERVER_BUSY };

struct server_start {
    pid_t pid;
    str log, ready_file;
    off_t log_begins; /* what this server wrote comes after */
};

static void server_pause(void)
{
    struct timespec pause = {.tv_nsec = SERVER_LOOK_MS * 1000000L};

    nanosleep(&pause, NULL);
}

/* ---- is somebody there */

/* Asking also keeps a server awake that would end for want of clients. */
static bool server_is_there(struct task *t, struct cli *cli, bool *out)
{
    struct http_answer answer;
    int64_t deadline_ms = t->deadline_ms;

    t->deadline_ms = clock_monotonic_ms() + SERVER_ANSWER_MS;
    *out = http_call(t, &cli->target, STR("GET"), STR("/health/live"), NULL, STR_NONE, &answer);
    t->deadline_ms = deadline_ms;
    if (*out) {
        return true;
    }
    if (t->err.code == ERR_TIMEOUT) {
        task_fail(t, ERR_TIMEOUT, "the server of %.*s does not answer", STR_ARG(cli->home));
        return task_hint(t, "its process is there but hangs, or is stopped");
    }
    if (t->err.code != ERR_UNREACHABLE && t->err.code != ERR_PROTOCOL) {
        return false;
    }
    task_clear_error(t);
    return true;
}

/* ---- begin one */

static bool server_open_log(struct task *t, struct server_start *start, int *fd_out)
{
    struct stat facts;

    *fd_out = open(start->log.ptr, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd_out < 0 || fstat(*fd_out, &facts) != 0) {
        return task_fail_errno(t, ERR_IO, "cannot write %.*s", STR_ARG(start->log));
    }
    start->log_begins = facts.st_size;
    if (facts.st_size > SERVER_LOG_BYTES_MAX && ftruncate(*fd_out, 0) == 0) {
        start->log_begins = 0;
    }
    return true;
}

/* A session of its own: no key of our terminal reaches it, nor does it hold our terminal, pipes or folder. */
static int server_spawn(const struct cli *cli, char *const *argv, int log_fd, pid_t *pid_out)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, log_fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, log_fd, STDERR_FILENO);
    posix_spawn_file_actions_addchdir_np(&files, cli->home.ptr);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int status = posix_spawn(pid_out, "/proc/self/exe", &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return status;
}

static bool server_start(struct task *t, const struct cli *cli, struct server_start *start)
{
    char *argv[] = {"weft",
                    "serve",
                    "--home",
                    (char *)cli->home.ptr,
                    "--folder",
                    arena_c_string(t->mem, cli->folder),
                    "--idle-exit",
                    "2",
                    "--ready-file",
                    NULL,
                    "--format",
                    "json",
                    NULL};
    int fd = -1, status;

    start->log = arena_format(t->mem, "%.*s/serve.log", STR_ARG(cli->home));
    start->ready_file = arena_format(t->mem, "%.*s/ready.%d", STR_ARG(cli->home), (int)getpid());
    argv[9] = (char *)start->ready_file.ptr;
    unlink(start->ready_file.ptr);
    bool ok = server_open_log(t, start, &fd);
    if (ok) {
        status = server_spawn(cli, argv, fd, &start->pid);
        errno = status;
        ok = status == 0 || task_fail_errno(t, ERR_CONFIG, "cannot start a server");
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

/* ---- wait for it */

static str server_log_tail(struct task *t, const struct server_start *start)
{
    struct buf *b = buf_new(t->mem, SERVER_LOG_BYTES_MAX);
    int fd = open(start->log.ptr, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 && lseek(fd, start->log_begins, SEEK_SET) >= 0 ? 1 : 0;

    while (got > 0) {
        char part[4096];

        got = read(fd, part, sizeof(part));
        if (got > 0 && !buf_add(b, (str){part, (size_t)got})) {
            break;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return buf_str(b);
}

/* A server that could not start ends with its error, as a line of JSON. Others may have written since: those that begin at once
 * share the log. */
static bool server_find_error(struct task *t, str tail, struct tree **out)
{
    str line;

    while (tail.len > 0) {
        str rest = tail;

        if (!str_cut_last(rest, '\n', &tail, &line)) {
            line = rest;
            tail = STR_NONE;
        }
        if (str_starts(line, STR("{"))) {
            return cli_read_json(t, t->mem, line, out) && tree_find(*out, STR("message")) != NULL;
        }
    }
    return false;
}

static bool server_take_error(struct task *t, struct cli *cli, const struct server_start *start)
{
    str tail = str_trim(server_log_tail(t, start)), head, last;
    struct tree *error;

    if (server_find_error(t, tail, &error)) {
        return cli_fail_as(t, cli, error, "message");
    }
    if (!str_cut_last(tail, '\n', &head, &last)) {
        last = tail;
    }
    task_fail(t, ERR_CONFIG, "the server of %.*s ended as soon as it began", STR_ARG(cli->home));
    if (last.len > 0) {
        task_detail(t, "%.*s", STR_ARG(last));
    }
    return task_hint(t, "%.*s tells more", STR_ARG(start->log));
}

static bool server_await(struct task *t, struct cli *cli, const struct server_start *start,
                         enum server_state *out)
{
    int64_t end_ms = clock_monotonic_ms() + SERVER_START_MS;
    bool has_ended = false, is_ready = false;

    *out = SERVER_FAILED;
    while (!has_ended && !is_ready) {
        int status;

        if (!task_go_on(t)) {
            return false;
        }
        if (clock_monotonic_ms() > end_ms) {
            task_fail(t, ERR_TIMEOUT, "the server of %.*s does not become ready",
                      STR_ARG(cli->home));
            return task_hint(t, "%.*s tells more", STR_ARG(start->log));
        }
        has_ended = waitpid(start->pid, &status, WNOHANG) == start->pid;
        is_ready = access(start->ready_file.ptr, F_OK) == 0;
        if (!has_ended && !is_ready) {
            server_pause();
        }
    }
    if (is_ready) {
        unlink(start->ready_file.ptr);
        *out = SERVER_READY;
        return true;
    }
    (void)server_take_error(t, cli, start);
    if (t->err.code != ERR_BUSY) {
        return false;
    }
    *out = SERVER_BUSY;
    return true;
}

/* ---- one path, with and without a server */

/* Two commands may begin at once, or one while a server ends: the home has one server, and who is late asks that one. */
static bool server_bring(struct task *t, struct cli *cli)
{
    int64_t end_ms = clock_monotonic_ms() + SERVER_BUSY_MS;
    enum server_state state = SERVER_BUSY;
    bool is_there = false;

    for (;;) {
        struct server_start start = {0};

        if (!server_is_there(t, cli, &is_there)) {
            return false;
        }
        if (is_there) {
            return true;
        }
        if (state == SERVER_READY) {
            return task_fail(t, ERR_UNREACHABLE, "the server of %.*s ended at once",
                             STR_ARG(cli->home));
        }
        if (!server_start(t, cli, &start) || !server_await(t, cli, &start, &state)) {
            return false;
        }
        if (state == SERVER_BUSY && clock_monotonic_ms() > end_ms) {
            task_hint(t, "it holds the home but does not answer at weft.sock");
            return false;
        }
        if (state == SERVER_BUSY) {
            task_clear_error(t);
            for (int i = 0; i < 20; i++) {
                server_pause();
            }
        }
    }
}

bool cli_reach(struct task *t, struct cli *cli)
{
    const char *server = getenv("WEFT_SERVER"), *token = getenv("WEFT_TOKEN");

    if (cli->target.socket_path.len > 0) {
        return server_bring(t, cli);
    }
    if (cli->target.url.len > 0) {
        return true;
    }
    if (cli->has[OPTION_as]) {
        http_fields_add(t->mem, &cli->headers, STR("Weft-As"), cli->value[OPTION_as]);
    }
    /* A home that is named beats a server of the environment. */
    if (cli->has[OPTION_server]
        || (!cli->has[OPTION_home] && server != NULL && server[0] != '\0')) {
        cli->target.url = cli->has[OPTION_server] ? cli->value[OPTION_server] : str_of(server);
        cli->target.token = cli->has[OPTION_token] ? cli->value[OPTION_token] : str_of(token);
        return true;
    }
    if (!cli_find_home(t, cli, true)) {
        return false;
    }
    cli->target.socket_path = arena_format(t->mem, "%.*s/weft.sock", STR_ARG(cli->home));
    return server_bring(t, cli);
}
