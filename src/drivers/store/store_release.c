#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "fault/fault.h"
#include "store/store_file.h"
#include "store/store_inside.h"

bool store_is_sha256(str name)
{
    if (name.len != SHA256_HEX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

str store_file_path(struct task *t, const struct store *store, str sha256)
{
    CHECK(store->magic == STORE_MAGIC && store_is_sha256(sha256));
    return arena_format(t->mem, STR_FMT "/files/%.2s/" STR_FMT, STR_ARG(store->home), sha256.ptr,
                        STR_ARG(sha256));
}

static str release_folder(struct task *t, const struct store *store, str sha256)
{
    return arena_format(t->mem, STR_FMT "/files/%.2s", STR_ARG(store->home), sha256.ptr);
}

bool store_is_seen(struct store *store, str sha256, const struct stat *state)
{
    struct store_seen *seen = map_find(&store->checked, sha256);

    return seen != NULL && seen->bytes == state->st_size && seen->inode == state->st_ino
        && seen->written.tv_sec == state->st_mtim.tv_sec
        && seen->written.tv_nsec == state->st_mtim.tv_nsec;
}

void store_see(struct store *store, str sha256, const struct stat *state)
{
    struct store_seen *seen = map_find(&store->checked, sha256);

    if (seen == NULL) {
        seen = ARENA_NEW(store->mem, struct store_seen);
        map_put(&store->checked, arena_str(store->mem, sha256), seen);
    }
    *seen = (struct store_seen){state->st_ino, state->st_size, state->st_mtim};
}

void store_forget(struct store *store, str sha256)
{
    struct store_seen *seen = map_find(&store->checked, sha256);

    if (seen != NULL)
        seen->bytes = -1;
}

/* Reads a release file whole. The state is the one before: who changes it afterwards changes its
 * time too. */
static bool release_read(struct task *t, const char *path, str sha256, struct stat *state_out)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct crypto_digest digest;
    uint64_t bytes;

    if (fd < 0 && (errno == ENOENT || errno == ELOOP)) {
        task_fail(t, ERR_CORRUPT, "the release file " STR_FMT " is missing", STR_ARG(sha256));
        return task_hint(t, "restore it from a backup, or run the product again");
    }
    if (fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot open %s", path);
    bool ok = fstat(fd, state_out) == 0;
    if (!ok)
        task_fail_errno(t, ERR_IO, "cannot examine %s", path);
    ok = ok && crypto_sha256_fd(t, fd, &digest, &bytes);
    close(fd);
    if (ok && !str_eq(crypto_digest_hex(t->mem, &digest), sha256)) {
        task_fail(t, ERR_CORRUPT,
                  "the release file " STR_FMT " holds other bytes than its name says",
                  STR_ARG(sha256));
        return task_hint(t, "restore it from a backup, or run the product again");
    }
    return ok;
}

bool store_verify(struct task *t, struct store *store, str sha256)
{
    struct stat state;

    CHECK(store->magic == STORE_MAGIC);
    if (!store_is_sha256(sha256))
        return task_fail(t, ERR_CORRUPT, "the name of a release file is no SHA-256");
    char *path = arena_c_string(t->mem, store_file_path(t, store, sha256));
    bool ok = release_read(t, path, sha256, &state);
    pthread_mutex_lock(&store->lock);
    if (ok)
        store_see(store, sha256, &state);
    else
        store_forget(store, sha256);
    pthread_mutex_unlock(&store->lock);
    return ok;
}

bool store_check(struct task *t, struct store *store, str sha256)
{
    struct stat state;

    CHECK(store->magic == STORE_MAGIC);
    if (!store_is_sha256(sha256))
        return task_fail(t, ERR_CORRUPT, "the name of a release file is no SHA-256");
    struct arena_mark mark = arena_mark(t->mem);
    bool is_known = lstat(arena_c_string(t->mem, store_file_path(t, store, sha256)), &state) == 0;
    arena_rewind(t->mem, mark);
    if (is_known) {
        pthread_mutex_lock(&store->lock);
        is_known = store_is_seen(store, sha256, &state);
        pthread_mutex_unlock(&store->lock);
    }
    return is_known || store_verify(t, store, sha256);
}

/* A file of that content is there: it is kept, under a new time, so that a sweep that runs now lets
 * it be. True where it can be kept, false where the staged one must take its place: it is damaged,
 * or was removed meanwhile. */
static bool release_adopt(struct task *t, struct store *store, const char *path, str sha256)
{
    bool is_adopted = false;
    struct stat state;

    if (access(path, F_OK) != 0)
        return false;
    if (!store_check(t, store, sha256)) {
        task_clear_error(t);
        return false;
    }
    pthread_mutex_lock(&store->lock);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        /* Of a server that died before its folder was synced, perhaps: so it is synced again. */
        is_adopted = fstat(fd, &state) == 0 && store_is_seen(store, sha256, &state)
                  && futimens(fd, NULL) == 0 && fsync(fd) == 0 && fstat(fd, &state) == 0;
        close(fd);
    }
    if (is_adopted)
        store_see(store, sha256, &state);
    pthread_mutex_unlock(&store->lock);
    return is_adopted;
}

static bool release_move(struct task *t, struct store *store, const char *staged, const char *path,
                         str sha256)
{
    struct stat state;

    pthread_mutex_lock(&store->lock);
    bool ok = rename(staged, path) == 0;
    if (!ok)
        task_fail_errno(t, ERR_IO, "cannot move %s to %s", staged, path);
    else if (lstat(path, &state) == 0)
        store_see(store, sha256, &state);
    pthread_mutex_unlock(&store->lock);
    return ok;
}

/* `files/ab`, whose own name must be on disk before a file in it is. */
static bool release_folder_make(struct task *t, struct store *store, const char *folder)
{
    if (mkdir(folder, 0700) == 0)
        return store_sync(t, arena_format(t->mem, STR_FMT "/files", STR_ARG(store->home)));
    return errno == EEXIST || task_fail_errno(t, ERR_IO, "cannot make %s", folder);
}

static bool release_place(struct task *t, struct store *store, const char *staged, str sha256)
{
    char *folder = arena_c_string(t->mem, release_folder(t, store, sha256));
    char *path = arena_c_string(t->mem, store_file_path(t, store, sha256));

    if (!release_folder_make(t, store, folder))
        return false;
    bool is_adopted = release_adopt(t, store, path, sha256);
    if (is_adopted && unlink(staged) != 0)
        return task_fail_errno(t, ERR_IO, "cannot remove %s", staged);
    if (!is_adopted && (!task_go_on(t) || !release_move(t, store, staged, path, sha256)))
        return false;
    if (!fault_pass(t, FAULT_STORE_MOVE))
        return false;
    bool is_safe = store_sync(t, str_of(folder));
    if (!is_safe && !is_adopted) {
        /* A second sync could say yes to what the first has lost: nothing may be adopted from here.
         * */
        pthread_mutex_lock(&store->lock);
        unlink(path);
        store_forget(store, sha256);
        pthread_mutex_unlock(&store->lock);
    }
    return is_safe;
}

bool store_digest(struct task *t, str staged, struct stored_file *out)
{
    char *path = arena_c_string(t->mem, staged);
    struct crypto_digest digest;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot open %s", path);
    bool ok = crypto_sha256_fd(t, fd, &digest, &out->bytes);
    close(fd);
    if (ok)
        out->sha256 = crypto_digest_hex(t->mem, &digest);
    return ok;
}

bool store_publish(struct task *t, struct store *store, str staged, struct stored_file *out)
{
    char *path = arena_c_string(t->mem, staged);
    struct crypto_digest digest;
    struct stat state;

    CHECK(store->magic == STORE_MAGIC);
    if (!fault_pass(t, FAULT_STORE_WRITE))
        return false;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot open %s", path);
    bool ok = fstat(fd, &state) == 0 && S_ISREG(state.st_mode) && fchmod(fd, 0444) == 0;
    if (!ok)
        task_fail_errno(t, ERR_IO, "%s cannot become a release file", path);
    else if (fsync(fd) != 0)
        ok = task_fail_errno(t, ERR_IO, "cannot sync %s", path);
    ok = ok && fault_pass(t, FAULT_STORE_SYNC) && crypto_sha256_fd(t, fd, &digest, &out->bytes);
    close(fd);
    if (!ok)
        return false;
    out->sha256 = crypto_digest_hex(t->mem, &digest);
    return release_place(t, store, path, out->sha256);
}
