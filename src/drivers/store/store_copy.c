#include "store/store_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "limits/limits.h"
#include "log/log.h"
#include "store/store_file.h"
#include "store/store_inside.h"

enum { COPY_MAGIC = 0xc0b7, COPY_LEVELS = 2 };

/* An unfinished folder, by the one that it lies in. */
struct copy {
    uint32_t magic;
    int parent_fd;
    char *name;
};

static void copy_end(void *handle)
{
    struct copy *copy = handle;

    CHECK(copy->magic == COPY_MAGIC);
    if (!store_folder_remove(copy->parent_fd, copy->name)) {
        log_event(LOG_WARN, "store", NULL, "the unfinished folder %s stays: errno %d", copy->name,
                  errno);
    }
    close(copy->parent_fd);
}

static bool copy_split(struct task *t, str path, str *folder_out, str *name_out)
{
    if (path.len + 256 > PATH_BYTES_MAX || !str_starts(path, STR("/"))
        || !str_cut_last(path, '/', folder_out, name_out) || name_out->len == 0) {
        return task_fail(t, ERR_USAGE, STR_FMT " cannot be the name of such a folder",
                         STR_ARG(path));
    }
    *folder_out = folder_out->len > 0 ? *folder_out : STR("/");
    return true;
}

static bool copy_list(struct task *t, const char *path, bool with_hidden, struct str_list *out)
{
    DIR *entries = opendir(path);
    struct dirent *entry;

    *out = (struct str_list){0};
    if (entries == NULL) {
        return errno == ENOENT || errno == ENOTDIR
            || task_fail_errno(t, ERR_IO, "cannot read the folder %s", path);
    }
    errno = 0;
    while ((entry = readdir(entries)) != NULL) {
        str name = str_of(entry->d_name);

        if (!str_starts(name, STR("."))
            || (with_hidden && !str_eq(name, STR(".")) && !str_eq(name, STR("..")))) {
            vec_push(t->mem, out, arena_str(t->mem, name));
        }
        errno = 0;
    }
    bool ok = errno == 0 || task_fail_errno(t, ERR_IO, "cannot read the folder %s", path);
    closedir(entries);
    str_list_sort(out);
    return ok;
}

static bool copy_is_free(struct task *t, str final)
{
    struct str_list names;
    struct stat state;
    char *path = arena_c_string(t->mem, final);

    if (lstat(path, &state) != 0) {
        return errno == ENOENT || task_fail_errno(t, ERR_IO, "cannot look at %s", path);
    }
    if (S_ISDIR(state.st_mode)) {
        if (!copy_list(t, path, true, &names)) {
            return false;
        }
        if (names.len == 0) {
            return true;
        }
    }
    task_fail(t, ERR_CONFLICT, "%s is there already", path);
    return task_hint(t, "name a folder that is not there yet, or one that is empty");
}

bool store_copy_begin(struct task *t, str final, str *work_out)
{
    str folder, name;

    if (!copy_split(t, final, &folder, &name) || !copy_is_free(t, final)) {
        return false;
    }
    struct copy *copy = ARENA_NEW(t->mem, struct copy);
    char *parent = arena_c_string(t->mem, folder);

    copy->magic = COPY_MAGIC;
    copy->name =
        arena_c_string(t->mem, arena_format(t->mem, "." STR_FMT ".weft-unfinished", STR_ARG(name)));
    copy->parent_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy->parent_fd < 0) {
        return task_fail_errno(t, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open %s",
                               parent);
    }
    arena_defer(t->mem, copy_end, copy);
    if (!store_folder_remove(copy->parent_fd, copy->name)
        || mkdirat(copy->parent_fd, copy->name, 0700) != 0) {
        return task_fail_errno(t, ERR_IO, "cannot make %s/%s", parent, copy->name);
    }
    *work_out = arena_format(t->mem, STR_FMT "/%s", STR_ARG(folder), copy->name);
    return true;
}

/* Synced, and then forgotten by the kernel, so that what is read back comes from the disk. */
static bool copy_settle(struct task *t, int fd, const char *to, struct stored_file *out)
{
    struct crypto_digest digest;

    if (fsync(fd) != 0) {
        return task_fail_errno(t, ERR_IO, "cannot sync %s", to);
    }
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    if (!crypto_sha256_fd(t, fd, &digest, &out->bytes)) {
        return false;
    }
    out->sha256 = crypto_digest_hex(t->mem, &digest);
    return true;
}

/* Which of many files it was, and where it should be. */
static bool copy_bytes(struct task *t, int from_fd, int to_fd, const char *origin,
                       const char *place)
{
    if (store_file_copy(t, from_fd, to_fd)) {
        return true;
    }
    if (t->err.code == ERR_IO || t->err.code == ERR_FULL) {
        str why = arena_str(t->mem, t->err.message);

        task_fail(t, t->err.code, "%s becomes %s: " STR_FMT, origin, place, STR_ARG(why));
    }
    return false;
}

static int copy_create(const char *to)
{
    return TEMP_FAILURE_RETRY(open(to, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
}

bool store_copy_file(struct task *t, str from, str to, unsigned mode, struct stored_file *out)
{
    char *origin = arena_c_string(t->mem, from), *place = arena_c_string(t->mem, to);
    struct stat state;
    int from_fd = open(origin, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (from_fd < 0) {
        return task_fail_errno(t, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot read %s",
                               origin);
    }
    int to_fd = copy_create(place);
    bool ok = to_fd >= 0 || task_fail_errno(t, ERR_IO, "cannot make %s", place);
    ok = ok
      && ((fstat(from_fd, &state) == 0 && S_ISREG(state.st_mode))
          || task_fail(t, ERR_IO, "%s is no file", origin))
      && copy_bytes(t, from_fd, to_fd, origin, place)
      && (fchmod(to_fd, (mode_t)mode) == 0
          || task_fail_errno(t, ERR_IO, "cannot set the mode of %s", place))
      && copy_settle(t, to_fd, place, out);
    close(from_fd);
    if (to_fd >= 0) {
        close(to_fd);
    }
    return ok;
}

bool store_copy_link(struct task *t, str from, str to, bool *linked_out)
{
    char *origin = arena_c_string(t->mem, from), *place = arena_c_string(t->mem, to);
    struct stat state;

    *linked_out = lstat(origin, &state) == 0 && S_ISREG(state.st_mode) && link(origin, place) == 0;
    return *linked_out || errno != EEXIST || task_fail_errno(t, ERR_IO, "cannot make %s", place);
}

bool store_copy_text(struct task *t, str text, str to, unsigned mode)
{
    char *place = arena_c_string(t->mem, to);
    int fd = copy_create(place);
    bool ok =
        fd >= 0 && store_file_write(fd, text) && fchmod(fd, (mode_t)mode) == 0 && fsync(fd) == 0;

    if (!ok) {
        task_fail_errno(t, ERR_IO, "cannot write %s", place);
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

bool store_copy_folder(struct task *t, str folder)
{
    char *path = arena_c_string(t->mem, folder);

    return mkdir(path, 0700) == 0 || errno == EEXIST
        || task_fail_errno(t, ERR_IO, "cannot make %s", path);
}

bool store_copy_names(struct task *t, str folder, struct str_list *out)
{
    return copy_list(t, arena_c_string(t->mem, folder), false, out);
}

static bool copy_sync(struct task *t, str folder, int levels)
{
    struct str_list names;
    struct stat state;

    if (levels > 0 && !store_copy_names(t, folder, &names)) {
        return false;
    }
    for (size_t i = 0; levels > 0 && i < names.len; i++) {
        str inner =
            arena_format(t->mem, STR_FMT "/" STR_FMT, STR_ARG(folder), STR_ARG(names.at[i]));

        if (lstat(inner.ptr, &state) == 0 && S_ISDIR(state.st_mode)
            && !copy_sync(t, inner, levels - 1)) {
            return false;
        }
    }
    return store_sync(t, folder);
}

bool store_copy_finish(struct task *t, str work, str final)
{
    str folder, name;
    char *from = arena_c_string(t->mem, work), *to = arena_c_string(t->mem, final);

    if (!copy_split(t, final, &folder, &name) || !copy_sync(t, work, COPY_LEVELS)) {
        return false;
    }
    /* Over an empty folder at most: rename refuses all else. */
    if (rename(from, to) != 0) {
        return task_fail_errno(t, ERR_IO, "cannot move %s to %s", from, to);
    }
    /* From here on its unfinished name is nobody's, and removing that does nothing. */
    if (!store_sync(t, folder)) {
        store_copy_take_back(t, work, final);
        return false;
    }
    return true;
}

void store_copy_take_back(struct task *t, str work, str final)
{
    char *from = arena_c_string(t->mem, work), *to = arena_c_string(t->mem, final);

    if (rename(to, from) != 0) {
        log_event(LOG_WARN, "store", t, "%s stays, though it failed: errno %d", to, errno);
    }
}
