#include "cli/cli_watch.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WATCH_QUIET_MS = 100, /* editors write, rename and write again */
    WATCH_FOLDERS_MAX = 20000,
    WATCH_DEPTH_MAX = 32,
    WATCH_EVENT_BYTES = 64 << 10,
    WATCH_CHANGES_MAX = 1000,
};

struct watch_folder {
    int id;
    str path;
};

struct cli_watch {
    struct arena *mem;
    struct str_list roots;
    str except;
    int fd;
    bool is_lost; /* more happened than the kernel keeps */
    VEC_OF(struct watch_folder)
};

static void watch_close(void *state)
{
    struct cli_watch *watch = state;

    if (watch->fd >= 0) {
        close(watch->fd);
    }
    arena_free(watch->mem);
}

/* Editors write beside a file first, and what begins with a dot is nobody's declaration. */
static bool watch_is_of_nobody(str name)
{
    return name.len == 0 || name.ptr[0] == '.' || str_ends(name, STR("~"))
        || str_ends(name, STR(".swp")) || str_ends(name, STR(".tmp")) || str_eq(name, STR("4913"));
}

static bool watch_add(struct task *t, struct cli_watch *watch, str path, int depth);

static bool watch_add_children(struct task *t, struct cli_watch *watch, str path, int depth)
{
    DIR *folder = opendir(path.ptr);
    bool ok = true;

    /* It may have gone since. */
    for (const struct dirent *entry; ok && folder != NULL && (entry = readdir(folder)) != NULL;) {
        struct stat facts;
        str child;

        if (watch_is_of_nobody(str_of(entry->d_name))) {
            continue;
        }
        child = arena_format(watch->mem, "%.*s/%s", STR_ARG(path), entry->d_name);
        if (lstat(child.ptr, &facts) == 0 && S_ISDIR(facts.st_mode)) {
            ok = watch_add(t, watch, child, depth + 1);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return ok;
}

static bool watch_add(struct task *t, struct cli_watch *watch, str path, int depth)
{
    const uint32_t what = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE
                        | IN_ONLYDIR | IN_DONT_FOLLOW;
    int id;

    if (str_eq(path, watch->except)) {
        return true;
    }
    if (depth > WATCH_DEPTH_MAX || watch->len >= WATCH_FOLDERS_MAX) {
        return task_fail(t, ERR_LIMIT, "there are more folders below %.*s than can be watched",
                         STR_ARG(watch->roots.at[0]));
    }
    id = inotify_add_watch(watch->fd, path.ptr, what);
    if (id < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES)) {
        return true;
    }
    if (id < 0) {
        task_fail_errno(t, ERR_LIMIT, "cannot watch the folder %.*s", STR_ARG(path));
        return task_hint(t, "fs.inotify.max_user_watches says how many folders a user may watch");
    }
    for (size_t i = 0; i < watch->len; i++) {
        if (watch->at[i].id == id) {
            watch->at[i].path = path;
            return watch_add_children(t, watch, path, depth);
        }
    }
    vec_push(watch->mem, watch, ((struct watch_folder){.id = id, .path = path}));
    return watch_add_children(t, watch, path, depth);
}

bool cli_watch_open(struct task *t, const struct str_list *folders, str except,
                    struct cli_watch **out)
{
    struct cli_watch *watch = ARENA_NEW(t->mem, struct cli_watch);

    watch->mem = arena_new();
    watch->except = arena_str(watch->mem, except);
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    arena_defer(t->mem, watch_close, watch);
    if (watch->fd < 0) {
        task_fail_errno(t, ERR_LIMIT, "cannot watch folders");
        return task_hint(t, "fs.inotify.max_user_instances says how many a user may have");
    }
    for (size_t i = 0; i < folders->len; i++) {
        vec_push(watch->mem, &watch->roots, arena_str(watch->mem, folders->at[i]));
    }
    for (size_t i = 0; i < watch->roots.len; i++) {
        str path = arena_format(watch->mem, "%.*s", STR_ARG(watch->roots.at[i]));

        if (!watch_add(t, watch, path, 0)) {
            return false;
        }
    }
    *out = watch;
    return true;
}

size_t cli_watch_folders(const struct cli_watch *watch)
{
    return watch->len;
}

/* ---- what happened */

static bool watch_take(struct task *t, struct cli_watch *watch, const struct inotify_event *event,
                       struct str_list *out)
{
    str name = event->len > 0 ? str_of(event->name) : STR_NONE;

    if (event->mask & IN_Q_OVERFLOW) {
        watch->is_lost = true;
        return true;
    }
    if (watch_is_of_nobody(name)) {
        return true;
    }
    for (size_t i = 0; i < watch->len; i++) {
        str path;

        if (watch->at[i].id != event->wd) {
            continue;
        }
        path = arena_format(watch->mem, "%.*s/%.*s", STR_ARG(watch->at[i].path), STR_ARG(name));
        /* A file that was only made holds nothing yet: its writing tells. A folder may hold files by now. */
        if ((event->mask & IN_CREATE) && !(event->mask & IN_ISDIR)) {
            return true;
        }
        if (out->len < WATCH_CHANGES_MAX) {
            str_list_add(t->mem, out, arena_str(t->mem, path));
        }
        return !(event->mask & IN_ISDIR) || !(event->mask & (IN_CREATE | IN_MOVED_TO))
            || watch_add(t, watch, path, 0);
    }
    return true;
}

static bool watch_read(struct task *t, struct cli_watch *watch, struct str_list *out)
{
    char *bytes = arena_alloc(t->mem, WATCH_EVENT_BYTES);
    ssize_t got;

    while ((got = read(watch->fd, bytes, WATCH_EVENT_BYTES)) > 0) {
        for (ssize_t at = 0; at < got;) {
            struct inotify_event head;
            const struct inotify_event *event = (const void *)(bytes + at);

            memcpy(&head, bytes + at, sizeof(head));
            if (!watch_take(t, watch, event, out)) {
                return false;
            }
            at += (ssize_t)(sizeof(head) + head.len);
        }
    }
    return got == 0 || errno == EAGAIN || errno == EINTR
        || task_fail_errno(t, ERR_IO, "cannot hear of changes");
}

/* Signals come while this waits and at no other time, so that none is missed. */
static int watch_poll(struct task *t, struct cli_watch *watch, bool is_waiting)
{
    struct pollfd in = {.fd = watch->fd, .events = POLLIN};
    struct timespec quiet = {.tv_nsec = WATCH_QUIET_MS * 1000000L};
    sigset_t held, before;
    int result = -1;

    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigprocmask(SIG_BLOCK, &held, &before);
    if (!atomic_load(&t->cancelled)) {
        result = ppoll(&in, 1, is_waiting ? NULL : &quiet, &before);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return result;
}

bool cli_watch_wait(struct task *t, struct cli_watch *watch, struct str_list *out)
{
    int result = 1;

    *out = (struct str_list){0};
    watch->is_lost = false;
    for (;;) {
        bool has_any = out->len > 0 || watch->is_lost;

        result = watch_poll(t, watch, !has_any);
        if (!task_go_on(t)) {
            return false;
        }
        if (result == 0 && has_any) {
            break;
        }
        if (result > 0 && !watch_read(t, watch, out)) {
            return false;
        }
    }
    if (watch->is_lost) {
        *out = (struct str_list){0};
        for (size_t i = 0; i < watch->roots.len; i++) {
            if (!watch_add(t, watch, watch->roots.at[i], 0)) {
                return false;
            }
        }
    }
    return true;
}
