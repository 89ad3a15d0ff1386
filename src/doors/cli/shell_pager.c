#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf/buf.h"
#include "shell_inside.h"

enum { PAGER_BYTES_MAX = 1 << 20, PAGER_LINES_LESS = 2 };

struct shell_pager {
    struct task *t;
    struct buf *kept; /* of an answer that still fits on the screen */
    size_t lines, lines_most, columns, column;
    bool may_start, has_started, has_left;
    pid_t pid;
    int fd;
};

/* ---- programs on the terminal */

static int pager_spawn(const char *script, const char *argument, int stdin_fd, pid_t *pid_out)
{
    char *argv[] = {"sh", "-c", (char *)script, "sh", (char *)argument, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t all, none;

    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    if (stdin_fd >= 0) {
        posix_spawn_file_actions_adddup2(&files, stdin_fd, STDIN_FILENO);
    }
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int status = posix_spawn(pid_out, "/bin/sh", &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return status;
}

static int pager_await(pid_t pid)
{
    int status = -1;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

bool shell_run_program(const char *script, const char *argument, int stdin_fd, int *status_out)
{
    pid_t pid;

    errno = pager_spawn(script, argument, stdin_fd, &pid);
    if (errno != 0) {
        return false;
    }
    *status_out = pager_await(pid);
    return WIFEXITED(*status_out) && WEXITSTATUS(*status_out) == 0;
}

/* ---- the pager */

static bool pager_is_wanted(void)
{
    const char *pager = getenv("PAGER");

    return cli_is_terminal(stdin) && cli_is_terminal(stdout) && pager != NULL && pager[0] != '\0';
}

static bool pager_start(struct shell_pager *pager)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) {
        return false;
    }
    /* What less needs to show colours, and to leave what it showed on the screen. */
    (void)setenv("LESS", "RX", 0);
    bool ok = pager_spawn("exec $PAGER", "", ends[0], &pager->pid) == 0;
    close(ends[0]);
    if (!ok) {
        close(ends[1]);
        return false;
    }
    pager->fd = ends[1];
    pager->has_started = true;
    return true;
}

static bool pager_write(struct shell_pager *pager, str bytes)
{
    while (bytes.len > 0) {
        ssize_t got = write(pager->has_started ? pager->fd : STDOUT_FILENO, bytes.ptr, bytes.len);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            pager->has_left = pager->has_started && errno == EPIPE;
            /* Nobody reads on: the answer need not go on either. */
            task_cancel(pager->t);
            return false;
        }
        bytes = str_from(bytes, (size_t)got);
    }
    return true;
}

/* Lines as the screen counts them: one that is too long takes several. */
static void pager_count(struct shell_pager *pager, str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];

        if (c == '\n' || pager->column >= pager->columns) {
            pager->lines++;
            pager->column = 0;
        }
        pager->column += c != '\n' && (c & 0xc0) != 0x80;
    }
}

static ssize_t pager_take(void *cookie, const char *ptr, size_t len)
{
    struct shell_pager *pager = cookie;
    str bytes = {ptr, len};

    if (pager->has_left) {
        errno = EPIPE;
        return 0;
    }
    if (!pager->may_start || pager->has_started) {
        return pager_write(pager, bytes) ? (ssize_t)len : 0;
    }
    pager_count(pager, bytes);
    if (pager->lines <= pager->lines_most && buf_add(pager->kept, bytes)) {
        return (ssize_t)len;
    }
    pager->may_start = pager_start(pager);
    bool ok = pager_write(pager, buf_str(pager->kept)) && pager_write(pager, bytes);
    buf_clear(pager->kept);
    return ok ? (ssize_t)len : 0;
}

FILE *shell_pager_open(struct task *t, struct arena *mem, struct shell_pager **out)
{
    struct shell_pager *pager = ARENA_NEW(mem, struct shell_pager);
    cookie_io_functions_t functions = {.write = pager_take};
    struct winsize size = {0};
    FILE *file = fopencookie(pager, "w", functions);

    CHECK(file != NULL);
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    *pager = (struct shell_pager){
        .t = t,
        .kept = buf_new(mem, PAGER_BYTES_MAX),
        .lines_most = size.ws_row > PAGER_LINES_LESS ? size.ws_row - PAGER_LINES_LESS : 1,
        .columns = size.ws_col > 0 ? size.ws_col : 80,
        .may_start = pager_is_wanted() && size.ws_row > 0,
        .fd = -1};
    *out = pager;
    return file;
}

void shell_pager_close(struct shell_pager *pager, FILE *out, bool *has_left_out)
{
    fclose(out);
    if (!pager->has_started && !pager->has_left) {
        (void)pager_write(pager, buf_str(pager->kept));
    }
    if (pager->has_started) {
        close(pager->fd);
        (void)pager_await(pager->pid);
    }
    *has_left_out = pager->has_left;
}
