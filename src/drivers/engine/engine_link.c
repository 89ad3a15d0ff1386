#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/engine_inside.h"
#include "log/log.h"
#include "store/store_file.h"

enum { FILE_NAME_BYTES_MAX = 255 };

bool engine_is_file_name(str name)
{
    return name.len > 0 && name.len <= FILE_NAME_BYTES_MAX && !str_has(name, '/')
        && !str_has(name, '\0') && !str_eq(name, STR(".")) && !str_eq(name, STR(".."));
}

/* A folder in the worker's own; the mode is exact, whatever the umask. */
static bool make_folder(struct task *t, struct worker *w, int parent_fd, const char *name,
                        uid_t uid, mode_t mode)
{
    int fd = -1;
    bool ok = mkdirat(parent_fd, name, 0700) == 0
           && (fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) >= 0
           && (uid == geteuid() && w->gid == getegid() ? true : fchown(fd, uid, w->gid) == 0)
           && fchmod(fd, mode) == 0;

    if (!ok) {
        task_fail_errno(t, ERR_IO, "cannot make the worker's folder " STR_FMT "/%s",
                        STR_ARG(w->folder), parent_fd == w->engine->workers_fd ? "" : name);
        if (errno == EINVAL || errno == EPERM)
            task_hint(t, "the setting worker_uid names user ids that this machine does not give");
    }
    if (fd >= 0)
        close(fd);
    return ok;
}

/* What the worker may only read belongs to the server, with the worker's group; what it may write
 * belongs to the worker. Where both are one user it is the sandbox alone that tells these apart. */
bool engine_folder_make(struct task *t, struct worker *w)
{
    struct engine *engine = w->engine;
    mode_t read_only = engine->is_root ? 0750 : 0700;
    uid_t me = geteuid();

    if (!make_folder(t, w, engine->workers_fd, w->name, me, read_only))
        return false;
    w->folder_fd =
        openat(engine->workers_fd, w->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (w->folder_fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot open the worker's folder " STR_FMT,
                               STR_ARG(w->folder));
    return make_folder(t, w, w->folder_fd, "in", me, read_only)
        && make_folder(t, w, w->folder_fd, "tmp", w->uid, 0700)
        && make_folder(t, w, w->folder_fd, "out", w->uid, 0700);
}

void engine_folder_drop(struct worker *w)
{
    if (w->folder_fd >= 0)
        close(w->folder_fd);
    w->folder_fd = -1;
    if (w->name[0] != '\0' && !store_folder_remove(w->engine->workers_fd, w->name))
        log_event(LOG_WARN, "engine", NULL,
                  "the folder of a worker stays until the next start: folder=%s errno=%d", w->name,
                  errno);
    w->name[0] = '\0';
}

static bool clear_one(struct worker *w, const char *name)
{
    int fd = openat(w->folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return false;
    bool ok = store_folder_empty(fd);
    close(fd);
    return ok;
}

bool engine_folder_clear(struct worker *w, bool all)
{
    return clear_one(w, "in") && (!all || (clear_one(w, "out") && clear_one(w, "tmp")));
}

/* May this very inode stand in the worker's folder? It must be able to read it, and no right to
 * write may come with it. */
static bool can_be_linked(const struct worker *w, const struct stat *state)
{
    if (!w->engine->is_root || w->uid == geteuid())
        return true;
    return state->st_uid != w->uid && (state->st_mode & S_IROTH) != 0
        && (state->st_mode & S_IWOTH) == 0;
}

/* Links the inode that was looked at, not whatever bears its name by now. */
static bool link_inode(int file_fd, int in_fd, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", file_fd);
    return linkat(AT_FDCWD, path, in_fd, name, AT_SYMLINK_FOLLOW) == 0;
}

bool engine_has_room(struct task *t, const struct worker *w, uint64_t bytes)
{
    const struct engine *engine = w->engine;

    return w->kind != WORKER_EXTRACT
        || store_file_room(t, engine->workers_fd, engine->home, engine->reserve_bytes, bytes);
}

static bool copy_inode(struct task *t, int file_fd, int in_fd, const char *name)
{
    char path[64];

    /* O_PATH gives no right to read: this asks for it, of the same inode. */
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file_fd);
    int from_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (from_fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot read the file that becomes in/%s", name);
    int to_fd = TEMP_FAILURE_RETRY(
        openat(in_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400));
    bool ok = to_fd >= 0
                ? true
                : task_fail_errno(t, ERR_IO, "cannot create in/%s of the worker's folder", name);
    ok = ok && store_file_copy(t, from_fd, to_fd);
    if (ok && fchmod(to_fd, 0444) != 0)
        ok =
            task_fail_errno(t, ERR_IO, "cannot set the mode of in/%s of the worker's folder", name);
    close(from_fd);
    if (to_fd >= 0 && close(to_fd) != 0 && ok)
        ok = task_fail_errno(t, ERR_IO, "cannot write in/%s of the worker's folder", name);
    return ok;
}

static bool link_open(struct task *t, struct worker *w, int file_fd, int in_fd, const char *name)
{
    struct stat state;

    if (fstat(file_fd, &state) != 0)
        return task_fail_errno(t, ERR_IO, "cannot examine the file that becomes in/%s", name);
    if (!S_ISREG(state.st_mode))
        return task_fail(t, ERR_IO, "what becomes in/%s is not a regular file", name);
    if (can_be_linked(w, &state)) {
        if (link_inode(file_fd, in_fd, name))
            return true;
        if (errno == EEXIST)
            return task_fail(t, ERR_INTERNAL, "two files of one job have the name in/%s", name);
        if (errno == ENOSPC || errno == EDQUOT || errno == EIO)
            return task_fail_errno(t, ERR_IO, "cannot link in/%s of the worker's folder", name);
    }
    return engine_has_room(t, w, (uint64_t)state.st_size) && copy_inode(t, file_fd, in_fd, name);
}

static bool link_one(struct task *t, struct worker *w, const struct job_link *link, int in_fd)
{
    struct arena_mark mark = arena_mark(t->mem);

    CHECK(engine_is_file_name(link->name) && str_starts(link->path, STR("/")));
    char *path = arena_c_string(t->mem, link->path);
    int file_fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (file_fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot open %s", path);
    bool ok = link_open(t, w, file_fd, in_fd, arena_c_string(t->mem, link->name));
    close(file_fd);
    if (ok)
        arena_rewind(t->mem, mark);
    return ok;
}

bool engine_links_make(struct task *t, struct worker *w, const struct engine_job *job)
{
    /* What an earlier job of this loan was given must not be in reach of this one. */
    if (w->is_unclean && !engine_folder_clear(w, false))
        return task_fail_errno(t, ERR_IO, "cannot empty in/ of the worker's folder " STR_FMT,
                               STR_ARG(w->folder));
    w->is_unclean = false;
    if (job->links.len == 0)
        return true;
    int in_fd = openat(w->folder_fd, "in", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool ok = in_fd >= 0 ? true : task_fail_errno(t, ERR_IO, "cannot open the worker's folder in/");
    for (size_t i = 0; ok && i < job->links.len; i++)
        ok = link_one(t, w, &job->links.at[i], in_fd);
    if (in_fd >= 0)
        close(in_fd);
    return ok;
}
