#include "store/store_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    COPY_SLICE_BYTES = 16 << 20,
    COPY_BUFFER_BYTES = 256 << 10,
    LIFT_TRIES_MAX = 1000,
    ENTRIES_MAX = 10000000, /* a live worker could add entries as fast as they go */
};

bool store_file_write(int fd, str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = TEMP_FAILURE_RETRY(write(fd, bytes.ptr, bytes.len));
        if (n < 0)
            return false;
        bytes = str_from(bytes, (size_t)n);
    }
    return true;
}

/* Where the kernel cannot copy between these two files by itself. */
static bool copy_by_hand(struct task *t, int from_fd, int to_fd, off_t offset)
{
    struct arena_mark mark = arena_mark(t->mem);
    char *buffer = arena_alloc(t->mem, COPY_BUFFER_BYTES);

    while (task_go_on(t)) {
        ssize_t n = pread(from_fd, buffer, COPY_BUFFER_BYTES, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return task_fail_errno(t, ERR_IO, "a file cannot be read");
        if (n == 0) {
            arena_rewind(t->mem, mark);
            return true;
        }
        if (!store_file_write(to_fd, (str){buffer, (size_t)n}))
            return task_fail_errno(t, ERR_IO, "a copy of a file cannot be written");
        offset += n;
    }
    return false;
}

bool store_file_copy(struct task *t, int from_fd, int to_fd)
{
    off_t offset = 0;

    while (task_go_on(t)) {
        off_t before = offset;
        ssize_t n = copy_file_range(from_fd, &offset, to_fd, NULL, COPY_SLICE_BYTES, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && before == 0 && errno != ENOSPC && errno != EDQUOT && errno != EIO)
            return copy_by_hand(t, from_fd, to_fd, 0);
        if (n < 0)
            return task_fail_errno(t, ERR_IO, "a file cannot be copied");
        if (n == 0 && before == 0)
            return copy_by_hand(t, from_fd, to_fd,
                                0); /* some file systems say 0 for what they cannot */
        if (n == 0)
            return true;
    }
    return false;
}

bool store_file_room(struct task *t, int fd, const char *home, uint64_t reserve_bytes,
                     uint64_t bytes)
{
    struct statvfs state;

    if (fstatvfs(fd, &state) != 0)
        return task_fail_errno(t, ERR_IO, "cannot ask for the free space of %s", home);
    uint64_t has = (uint64_t)state.f_bavail * state.f_frsize;
    if (has >= reserve_bytes && has - reserve_bytes >= bytes)
        return true;
    task_fail(t, ERR_FULL,
              "%llu MB are free below %s, and %llu MB with a reserve of %llu MB are needed",
              (unsigned long long)(has >> 20), home,
              (unsigned long long)((bytes + reserve_bytes + (1 << 20) - 1) >> 20),
              (unsigned long long)(reserve_bytes >> 20));
    return task_hint(t, "make room, or lower the setting free_space_reserve_mb");
}

bool store_sync(struct task *t, str path)
{
    int fd = TEMP_FAILURE_RETRY(open(arena_c_string(t->mem, path), O_RDONLY | O_CLOEXEC));
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (!ok)
        task_fail_errno(t, ERR_IO, "cannot sync " STR_FMT, STR_ARG(path));
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* A folder of mode 0 stops even its owner; O_PATH and /proc change the mode of exactly the folder
 * that was opened. */
static void make_open(int parent_fd, const char *name)
{
    char path[64];
    int fd = openat(parent_fd, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (chmod(path, 0700) != 0)
        errno = 0; /* the removal that follows says what is wrong */
    close(fd);
}

/* Moves a folder inside `sub_fd` up to `top_fd`, so that depth costs neither stack nor descriptors.
 * */
static bool lift(int sub_fd, const char *name, int top_fd, unsigned *serial)
{
    char lifted[32];

    make_open(sub_fd, name);
    for (int i = 0; i < LIFT_TRIES_MAX; i++) {
        snprintf(lifted, sizeof(lifted), ".lifted-%u", (*serial)++);
        if (renameat2(sub_fd, name, top_fd, lifted, RENAME_NOREPLACE) == 0)
            return true;
        if (errno == ENOENT)
            return true;
        if (errno == EINVAL && renameat(sub_fd, name, top_fd, lifted) == 0)
            return true;
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
            return false;
    }
    return false;
}

typedef bool (*entry_fn)(int folder_fd, const char *name, int top_fd, unsigned *serial);

/* Calls `each` for every entry; `count` grows by the entries seen. */
static bool each_entry(int folder_fd, entry_fn each, int top_fd, unsigned *serial, size_t *count)
{
    int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    bool ok = true;

    if (folder == NULL) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    while (ok && (entry = readdir(folder)) != NULL) {
        if (is_dots(entry->d_name))
            continue;
        if (++*count > ENTRIES_MAX) {
            errno = EBUSY;
            ok = false;
        } else {
            ok = each(folder_fd, entry->d_name, top_fd, serial);
        }
    }
    int why = errno;
    closedir(folder);
    errno = why;
    return ok;
}

static bool remove_or_lift(int folder_fd, const char *name, int top_fd, unsigned *serial)
{
    if (unlinkat(folder_fd, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR && errno != EPERM)
        return false;
    return lift(folder_fd, name, top_fd, serial);
}

static bool remove_flat(int folder_fd, const char *name, int top_fd, unsigned *serial)
{
    size_t count = 0;

    if (unlinkat(folder_fd, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR && errno != EPERM)
        return false;
    make_open(folder_fd, name);
    int sub_fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (sub_fd < 0)
        return errno == ENOENT;
    bool ok = each_entry(sub_fd, remove_or_lift, top_fd, serial, &count);
    int why = errno;
    close(sub_fd);
    errno = why;
    if (!ok)
        return false;
    /* An entry may have slipped past readdir: the next round finds it. */
    return unlinkat(folder_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT || errno == ENOTEMPTY;
}

bool store_folder_empty(int folder_fd)
{
    unsigned serial = 0;
    size_t seen = 0;

    for (;;) {
        size_t before = seen;
        if (!each_entry(folder_fd, remove_flat, folder_fd, &serial, &seen))
            return false;
        if (seen == before)
            return true;
    }
}

bool store_folder_remove(int parent_fd, const char *name)
{
    make_open(parent_fd, name);
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT;
    bool ok = store_folder_empty(fd);
    int why = errno;
    close(fd);
    errno = why;
    return ok && (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT);
}

/* A read lease is given only where nobody has the file open for writing. Who breaks it meanwhile
 * would send SIGIO, which ends a process: SIGURG does nothing. */
static bool is_at_rest(int fd)
{
    if (fcntl(fd, F_SETSIG, SIGURG) != 0 || fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
        return false;
    return fcntl(fd, F_SETLEASE, F_UNLCK) == 0;
}

/* A copy under the name `to`, whose bytes nobody else can reach. */
static bool take_copy(struct task *t, int from_fd, const char *to)
{
    char *temporary = arena_c_string(t->mem, arena_format(t->mem, "%s.copy", to));
    int to_fd = TEMP_FAILURE_RETRY(
        open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400));

    if (to_fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot create %s", temporary);
    bool ok = store_file_copy(t, from_fd, to_fd);
    if (ok && fchmod(to_fd, 0444) != 0)
        ok = task_fail_errno(t, ERR_IO, "cannot set the mode of %s", temporary);
    if (close(to_fd) != 0 && ok)
        ok = task_fail_errno(t, ERR_IO, "cannot write %s", temporary);
    if (ok && rename(temporary, to) != 0)
        ok = task_fail_errno(t, ERR_IO, "cannot move %s", temporary);
    if (!ok)
        unlink(temporary);
    return ok;
}

static bool take_open(struct task *t, int fd, const char *from, const char *to)
{
    struct stat state;

    if (fstat(fd, &state) != 0)
        return task_fail_errno(t, ERR_IO, "cannot examine %s", from);
    if (!S_ISREG(state.st_mode) || state.st_nlink != 1)
        return task_fail(t, ERR_WORKER, "%s is not a plain file of its own", from);
    if (state.st_uid != geteuid() && fchown(fd, geteuid(), getegid()) != 0)
        return task_fail_errno(t, ERR_IO, "cannot take over %s", from);
    if (fchmod(fd, 0444) != 0)
        return task_fail_errno(t, ERR_IO, "cannot set the mode of %s", from);
    /* Moved first: from there the worker cannot open it again. */
    if (rename(from, to) != 0)
        return task_fail_errno(t, ERR_IO, "cannot move %s to %s", from, to);
    struct stat moved;
    if (lstat(to, &moved) != 0)
        return task_fail_errno(t, ERR_IO, "cannot examine %s", to);
    bool is_same = moved.st_dev == state.st_dev && moved.st_ino == state.st_ino;
    if (is_same && is_at_rest(fd))
        return true;
    unlink(to);
    return is_same ? take_copy(t, fd, to)
                   : task_fail(t, ERR_WORKER, "%s was exchanged while it was taken over", from);
}

bool store_file_take(struct task *t, str from, str to)
{
    char *from_path = arena_c_string(t->mem, from);
    char *to_path = arena_c_string(t->mem, to);
    /* Not blocking, because it may be a pipe; the root's own right to read is no matter here. */
    int fd = open(from_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 && (errno == ELOOP || errno == ENXIO))
        return task_fail(t, ERR_WORKER, "%s is not a plain file of its own", from_path);
    if (fd < 0 && errno == ENOENT)
        return task_fail(t, ERR_WORKER, "the worker left no file %s", from_path);
    if (fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot open %s", from_path);
    bool ok = take_open(t, fd, from_path, to_path);
    close(fd);
    return ok;
}
