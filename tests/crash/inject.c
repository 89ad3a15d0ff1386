/* Preloaded into weft and weft-worker: each call that changes files below the folders of WEFT_INJECT_ROOTS has a name, made of who
 * calls, the call, and the file with everything that differs from run to run left out. Calls are counted by name; the one that
 * WEFT_INJECT asks for fails, stops halfway, or ends the process. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "inject.h"

enum { NEEDS_SPACE = 1, ROOTS_MAX = 8, CMDLINE_MAX = 4096, UUID_LEN = 36, HASH_LEAST = 32 };

struct root {
    const char *name, *path;
    size_t len;
};

static struct inject_plan *plan;
static struct root roots[ROOTS_MAX];
static int roots_len;
static char who[32] = "client";

/* ---- names of calls */

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static size_t hex_len(const char *text)
{
    size_t len = 0;
    while (is_hex(text[len]))
        len++;
    return len;
}

static bool is_uuid(const char *text)
{
    for (int i = 0; i < UUID_LEN; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text[i] != '-' : !is_hex(text[i]))
            return false;
    }
    return true;
}

/* One piece of a path that differs from run to run: its length, and the word that stands for it. */
static size_t varies(const char *text, const char **word_out)
{
    size_t hex = hex_len(text), digits = strspn(text, "0123456789");
    if (is_uuid(text)) {
        *word_out = "ID";
        return UUID_LEN;
    }
    if (hex >= HASH_LEAST) {
        *word_out = "HASH";
        return hex;
    }
    if (hex == 2 && (text[2] == '\0' || text[2] == '/') && text[-1] == '/') {
        *word_out = "AB";
        return hex;
    }
    *word_out = "N";
    return digits;
}

static void name_path(const char *rest, char *out, size_t room)
{
    size_t len = 0;
    while (*rest != '\0' && len + 8 < room) {
        const char *word;
        size_t step = varies(rest, &word);
        if (step > 0) {
            len += (size_t)snprintf(out + len, room - len, "%s", word);
            rest += step;
        } else {
            out[len++] = *rest++;
        }
    }
    out[len] = '\0';
}

/* False where the file is none of ours. */
static bool name_call(const char *call, const char *path, char name[INJECT_TEXT])
{
    for (int i = 0; i < roots_len; i++) {
        const struct root *root = &roots[i];
        if (strncmp(path, root->path, root->len) != 0
            || (path[root->len] != '\0' && path[root->len] != '/'))
            continue;
        int len = snprintf(name, INJECT_TEXT, "%s %s %s", who, call, root->name);
        name_path(path + root->len, name + len, (size_t)(INJECT_TEXT - len));
        return true;
    }
    return false;
}

/* ---- the verdict over a call */

static _Noreturn void die(void)
{
    (void)syscall(SYS_kill, getpid(), SIGKILL);
    /* In a worker's sandbox nobody may be killed: it goes as suddenly, and closes nothing. */
    for (;;)
        (void)syscall(SYS_exit_group, 137);
}

static void note(const char *name)
{
    uint32_t at = atomic_fetch_add(&plan->len, 1);
    if (at < INJECT_LOG_MAX)
        (void)snprintf((char *)plan + INJECT_HEAD + (size_t)at * INJECT_TEXT, INJECT_TEXT, "%s",
                       name);
}

static enum inject_action judge_named(const char *name, int traits)
{
    enum inject_action action = (enum inject_action)atomic_load(&plan->action);
    if (action == INJECT_NONE) {
        note(name);
        return INJECT_NONE;
    }
    if (strcmp(name, plan->target) == 0
        && atomic_fetch_add(&plan->seen, 1) + 1 == atomic_load(&plan->nth)) {
        atomic_store(&plan->fired, 1);
        if (action == INJECT_KILL)
            die();
        return action;
    }
    bool goes_on = atomic_load(&plan->is_lasting) && atomic_load(&plan->fired);
    return goes_on && (traits & NEEDS_SPACE) ? INJECT_FAIL : INJECT_NONE;
}

static enum inject_action judge(const char *call, const char *path, int traits)
{
    char name[INJECT_TEXT];
    int kept = errno;
    enum inject_action action = INJECT_NONE;
    if (name_call(call, path, name))
        action = judge_named(name, traits);
    errno = action == INJECT_FAIL ? (int)atomic_load(&plan->error) : kept;
    return action;
}

static bool is_on(void)
{
    return plan != NULL && atomic_load(&plan->is_armed);
}

static bool path_of(const char *link, char path[PATH_MAX])
{
    int kept = errno;
    long len = syscall(SYS_readlink, link, path, PATH_MAX - 1);
    errno = kept;
    if (len <= 0 || path[0] != '/')
        return false;
    path[len] = '\0';
    return true;
}

static enum inject_action judge_fd(const char *call, int fd, int traits)
{
    char link[64], path[PATH_MAX];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return is_on() && path_of(link, path) ? judge(call, path, traits) : INJECT_NONE;
}

static enum inject_action judge_at(const char *call, int folder_fd, const char *name, int traits)
{
    char link[64], path[PATH_MAX];
    size_t len;
    if (!is_on())
        return INJECT_NONE;
    if (name[0] == '/')
        return judge(call, name, traits);
    (void)snprintf(link, sizeof link, folder_fd == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d",
                   folder_fd);
    if (!path_of(link, path))
        return INJECT_NONE;
    len = strlen(path);
    (void)snprintf(path + len, sizeof path - len, "/%s", name);
    return judge(call, path, traits);
}

/* ---- the calls. They go to the kernel by themselves: nobody else may stand in between. */

ssize_t write(int fd, const void *bytes, size_t len)
{
    enum inject_action action = judge_fd("write", fd, NEEDS_SPACE);
    if (action == INJECT_FAIL)
        return -1;
    if (action == INJECT_NONE)
        return syscall(SYS_write, fd, bytes, len);
    ssize_t done = syscall(SYS_write, fd, bytes, len > 1 ? len / 2 : len);
    if (action == INJECT_TEAR)
        die();
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset)
{
    enum inject_action action = judge_fd("pwrite", fd, NEEDS_SPACE);
    if (action == INJECT_FAIL)
        return -1;
    if (action == INJECT_NONE)
        return syscall(SYS_pwrite64, fd, bytes, len, offset);
    ssize_t done = syscall(SYS_pwrite64, fd, bytes, len > 1 ? len / 2 : len, offset);
    if (action == INJECT_TEAR)
        die();
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    return pwrite64(fd, bytes, len, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    enum inject_action action = judge_fd("writev", fd, NEEDS_SPACE);
    if (action == INJECT_FAIL)
        return -1;
    if (action == INJECT_NONE)
        return syscall(SYS_writev, fd, parts, count);
    ssize_t done = syscall(SYS_write, fd, parts[0].iov_base, parts[0].iov_len / 2);
    if (action == INJECT_TEAR)
        die();
    return done;
}

ssize_t copy_file_range(int from_fd, off64_t *from, int to_fd, off64_t *to, size_t len,
                        unsigned flags)
{
    enum inject_action action = judge_fd("copy_file_range", to_fd, NEEDS_SPACE);
    if (action == INJECT_FAIL)
        return -1;
    struct stat64 state;
    if (action != INJECT_NONE && fstat64(from_fd, &state) == 0 && state.st_size > 1)
        len = (size_t)state.st_size / 2;
    ssize_t done = syscall(SYS_copy_file_range, from_fd, from, to_fd, to, len, flags);
    if (action == INJECT_TEAR)
        die();
    return done;
}

/* The calls that are done or not: nothing of them can be half. */
#define WHOLE(verdict, ...) ((verdict) == INJECT_FAIL ? -1 : (int)syscall(__VA_ARGS__))

int fsync(int fd)
{
    return WHOLE(judge_fd("fsync", fd, 0), SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return WHOLE(judge_fd("fdatasync", fd, 0), SYS_fdatasync, fd);
}

int syncfs(int fd)
{
    return WHOLE(judge_fd("syncfs", fd, 0), SYS_syncfs, fd);
}

int ftruncate64(int fd, off64_t len)
{
    return WHOLE(judge_fd("ftruncate", fd, NEEDS_SPACE), SYS_ftruncate, fd, len);
}

int ftruncate(int fd, off_t len)
{
    return ftruncate64(fd, len);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
    return WHOLE(judge_fd("fallocate", fd, NEEDS_SPACE), SYS_fallocate, fd, mode, offset, len);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    return fallocate64(fd, mode, offset, len);
}

int posix_fallocate64(int fd, off64_t offset, off64_t len)
{
    int kept = errno;
    int error = fallocate64(fd, 0, offset, len) == 0 ? 0 : errno;
    errno = kept;
    return error;
}

int posix_fallocate(int fd, off_t offset, off_t len)
{
    return posix_fallocate64(fd, offset, len);
}

int fchmod(int fd, mode_t mode)
{
    return WHOLE(judge_fd("fchmod", fd, 0), SYS_fchmod, fd, mode);
}

int futimens(int fd, const struct timespec times[2])
{
    return WHOLE(judge_fd("futimens", fd, 0), SYS_utimensat, fd, NULL, times, 0);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    return WHOLE(judge_at("rename", to_fd, to, 0), SYS_renameat2, from_fd, from, to_fd, to, flags);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return renameat2(from_fd, from, to_fd, to, 0);
}

int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    return WHOLE(judge_at("link", to_fd, to, NEEDS_SPACE), SYS_linkat, from_fd, from, to_fd, to,
                 flags);
}

int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int fd, const char *name, int flags)
{
    const char *call = flags & AT_REMOVEDIR ? "rmdir" : "unlink";
    return WHOLE(judge_at(call, fd, name, 0), SYS_unlinkat, fd, name, flags);
}

int unlink(const char *name)
{
    return unlinkat(AT_FDCWD, name, 0);
}

int rmdir(const char *name)
{
    return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

int mkdirat(int fd, const char *name, mode_t mode)
{
    return WHOLE(judge_at("mkdir", fd, name, NEEDS_SPACE), SYS_mkdirat, fd, name, mode);
}

int mkdir(const char *name, mode_t mode)
{
    return mkdirat(AT_FDCWD, name, mode);
}

static int open_judged(int folder_fd, const char *name, int flags, mode_t mode)
{
    bool changes = (flags & (O_CREAT | O_TRUNC)) != 0;
    enum inject_action action =
        changes ? judge_at("create", folder_fd, name, NEEDS_SPACE) : INJECT_NONE;
    return WHOLE(action, SYS_openat, folder_fd, name, flags, mode);
}

static mode_t mode_of(int flags, va_list arguments)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

int openat64(int folder_fd, const char *name, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_judged(folder_fd, name, flags, mode);
}

int openat(int folder_fd, const char *name, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_judged(folder_fd, name, flags, mode);
}

int open64(const char *name, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_judged(AT_FDCWD, name, flags, mode);
}

int open(const char *name, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_judged(AT_FDCWD, name, flags, mode);
}

/* What is old enough for upkeep to remove: files have no time that a test could set. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (failed == 0 && clock == CLOCK_REALTIME && plan != NULL)
        now->tv_sec += atomic_load(&plan->later_s);
    return failed;
}

/* ---- at start */

static void find_out_who(void)
{
    char words[CMDLINE_MAX];
    long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY, 0);
    long len = fd < 0 ? 0 : syscall(SYS_read, fd, words, sizeof words - 1);
    if (fd >= 0)
        (void)syscall(SYS_close, fd);
    words[len > 0 ? len : 0] = '\0';
    for (long at = 0; at < len; at += (long)strlen(words + at) + 1) {
        const char *word = words + at;
        if (at > 0 && strcmp(word, "serve") == 0)
            (void)snprintf(who, sizeof who, "server");
        else if (strncmp(word, "--kind=", 7) == 0)
            (void)snprintf(who, sizeof who, "worker-%s", word + 7);
    }
}

/* NAME=PATH:NAME=PATH; a name may be empty. */
static void read_roots(char *list)
{
    for (char *entry = strtok_r(list, ":", &list); entry != NULL && roots_len < ROOTS_MAX;
         entry = strtok_r(NULL, ":", &list)) {
        char *path = strchr(entry, '=');
        if (path == NULL)
            continue;
        *path++ = '\0';
        roots[roots_len++] = (struct root){entry, path, strlen(path)};
    }
}

static __attribute__((constructor)) void inject_start(void)
{
    const char *file = getenv("WEFT_INJECT"), *list = getenv("WEFT_INJECT_ROOTS");
    if (file == NULL || list == NULL)
        return;
    long fd = syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    void *map = mmap(NULL, INJECT_HEAD + (size_t)INJECT_LOG_MAX * INJECT_TEXT,
                     PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
    (void)syscall(SYS_close, fd);
    if (map == MAP_FAILED || ((struct inject_plan *)map)->magic != INJECT_MAGIC)
        return;
    find_out_who();
    read_roots(strdup(list));
    plan = map;
}
