#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "limits/limits.h"
#include "log/log.h"
#include "store/store_file.h"
#include "store/store_inside.h"

static bool store_enter(struct task *t, struct store *store);
static bool store_lock_home(struct task *t, struct store *store, bool is_brief);
static bool store_make_folders(struct task *t, struct store *store);
static bool store_try_links(struct task *t, struct store *store);

/* Beside its process, in the lock, of a server that ends by itself. */
static const char brief[] = "idle-exit";

bool store_open(struct task *t, const struct config *config, str home, struct store **out)
{
    struct arena *mem = arena_new();
    struct store *store = ARENA_NEW(mem, struct store);

    store->magic = STORE_MAGIC;
    store->mem = mem;
    store->home = arena_str(mem, home);
    store->reserve_bytes = (uint64_t)CONFIG_INT(config, free_space_reserve_mb) << 20;
    store->home_fd = store->staging_fd = store->lock_fd = -1;
    CHECK(pthread_mutex_init(&store->lock, NULL) == 0);
    map_init(&store->checked, mem);

    bool ok = store_enter(t, store)
           && store_lock_home(t, store, CONFIG_INT(config, idle_exit_s) > 0)
           && store_make_folders(t, store) && store_try_links(t, store);
    if (ok && !store_folder_empty(store->staging_fd))
        ok = task_fail_errno(t, ERR_IO, "cannot empty %s/staging", store->home.ptr);
    if (!ok) {
        store_close(store);
        return false;
    }
    *out = store;
    return true;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    CHECK(store->magic == STORE_MAGIC);
    store->magic = 0;
    if (store->staging_fd >= 0)
        close(store->staging_fd);
    if (store->home_fd >= 0)
        close(store->home_fd);
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    pthread_mutex_destroy(&store->lock);
    arena_free(store->mem);
}

static bool store_enter(struct task *t, struct store *store)
{
    const char *home = store->home.ptr;
    struct stat state;

    if (store->home.len == 0 || store->home.len + 256 > PATH_BYTES_MAX)
        return task_fail(t, ERR_CONFIG, "the path of the home is empty or too long");
    if (mkdir(home, 0700) != 0 && errno != EEXIST)
        return task_fail_errno(t, ERR_CONFIG, "cannot make the home %s", home);
    store->home_fd = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->home_fd < 0 || fstat(store->home_fd, &state) != 0)
        return task_fail_errno(t, ERR_CONFIG, "cannot open the home %s", home);
    if ((state.st_mode & S_IWOTH) != 0) {
        task_fail(t, ERR_CONFIG, "everyone may write to the home %s", home);
        return task_hint(t, "chmod o-w %s", home);
    }
    return true;
}

static bool read_holder(int lock_fd, int64_t *pid_out, bool *is_brief_out)
{
    char text[32];
    ssize_t n = pread(lock_fd, text, sizeof(text), 0);
    str pid, kind = STR_NONE;

    if (n <= 0)
        return false;
    pid = str_trim((str){text, (size_t)n});
    (void)str_cut(pid, ' ', &pid, &kind);
    *is_brief_out = str_eq(kind, str_of(brief));
    return str_to_i64(pid, pid_out) && *pid_out > 0;
}

bool store_is_held_briefly(struct task *t, str home, int64_t *pid_out)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    str path = arena_format(t->mem, STR_FMT "/lock", STR_ARG(home));
    int fd = TEMP_FAILURE_RETRY(open(path.ptr, O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    bool is_brief = false;

    if (fd < 0)
        return false;
    bool is_held = fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    is_held = is_held && read_holder(fd, pid_out, &is_brief);
    close(fd);
    return is_held && is_brief;
}

/* Says who holds the home, from what he wrote into the lock. */
static bool store_held(struct task *t, struct store *store)
{
    int64_t pid;
    bool is_brief;

    if (read_holder(store->lock_fd, &pid, &is_brief))
        task_fail(t, ERR_BUSY, "process %lld serves the home %s", (long long)pid, store->home.ptr);
    else
        task_fail(t, ERR_BUSY, "another process serves the home %s", store->home.ptr);
    return task_hint(t, "ask that server, stop it, or take another home");
}

static bool store_lock_home(struct task *t, struct store *store, bool is_brief)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char text[32];

    store->lock_fd = TEMP_FAILURE_RETRY(
        openat(store->home_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (store->lock_fd < 0)
        return task_fail_errno(t, ERR_CONFIG, "cannot open %s/lock", store->home.ptr);
    /* A lock of the open file, not of the process: it ends with it, however that dies. */
    if (fcntl(store->lock_fd, F_OFD_SETLK, &whole) != 0) {
        if (errno == EAGAIN || errno == EACCES)
            return store_held(t, store);
        return task_fail_errno(t, ERR_CONFIG, "cannot lock %s/lock", store->home.ptr);
    }
    int len = snprintf(text, sizeof(text), "%lld%s%s\n", (long long)getpid(), is_brief ? " " : "",
                       is_brief ? brief : "");
    if (TEMP_FAILURE_RETRY(ftruncate(store->lock_fd, 0)) != 0
        || !store_file_write(store->lock_fd, (str){text, (size_t)len}))
        return task_fail_errno(t, ERR_IO, "cannot write %s/lock", store->home.ptr);
    return true;
}

static bool store_make_folder(struct task *t, struct store *store, const char *name)
{
    struct stat home, folder;

    if (mkdirat(store->home_fd, name, 0700) != 0 && errno != EEXIST)
        return task_fail_errno(t, ERR_IO, "cannot make %s/%s", store->home.ptr, name);
    if (fstat(store->home_fd, &home) != 0
        || fstatat(store->home_fd, name, &folder, AT_SYMLINK_NOFOLLOW) != 0)
        return task_fail_errno(t, ERR_IO, "cannot examine %s/%s", store->home.ptr, name);
    if (!S_ISDIR(folder.st_mode))
        return task_fail(t, ERR_CONFIG, "%s/%s is not a folder", store->home.ptr, name);
    if (folder.st_dev != home.st_dev) {
        task_fail(t, ERR_CONFIG, "%s/%s lies on another file system than the home", store->home.ptr,
                  name);
        return task_hint(t, "one home is one file system: move the whole home there");
    }
    return true;
}

static bool store_make_folders(struct task *t, struct store *store)
{
    static const char *const names[] = {"files", "cleared", "staging", "workers"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!store_make_folder(t, store, names[i]))
            return false;
    }
    store->staging_fd =
        openat(store->home_fd, "staging", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (store->staging_fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot open %s/staging", store->home.ptr);
    if (fsync(store->home_fd) != 0)
        return task_fail_errno(t, ERR_IO, "cannot sync %s", store->home.ptr);
    return true;
}

/* Links are what pins a file to a query: a home without them is found out now, not in the first
 * query. */
static bool store_try_links(struct task *t, struct store *store)
{
    int fd = TEMP_FAILURE_RETRY(
        openat(store->home_fd, "files/.probe", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0400));

    if (fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot write to %s/files", store->home.ptr);
    close(fd);
    unlinkat(store->home_fd, "workers/.probe", 0); /* of a server that died here */
    bool ok = linkat(store->home_fd, "files/.probe", store->home_fd, "workers/.probe", 0) == 0;
    if (!ok) {
        task_fail_errno(t, ERR_CONFIG, "the file system of %s has no hard links", store->home.ptr);
        task_hint(t, "put the home on a local file system");
    }
    unlinkat(store->home_fd, "workers/.probe", 0);
    unlinkat(store->home_fd, "files/.probe", 0);
    return ok;
}

bool store_room(struct task *t, struct store *store, uint64_t bytes)
{
    CHECK(store->magic == STORE_MAGIC);
    return store_file_room(t, store->home_fd, store->home.ptr, store->reserve_bytes, bytes);
}

enum { STAGE_MAGIC = 0x57a6 };

struct stage {
    uint32_t magic;
    struct store *store;
    char *name;
};

static void stage_remove(void *handle)
{
    struct stage *stage = handle;

    CHECK(stage->magic == STAGE_MAGIC && stage->store->magic == STORE_MAGIC);
    if (!store_folder_remove(stage->store->staging_fd, stage->name))
        log_event(LOG_WARN, "store", NULL,
                  "the staging folder %s stays until the next start: errno %d", stage->name, errno);
}

bool store_stage(struct task *t, struct store *store, str run_id, str *folder_out)
{
    struct stage *stage = ARENA_NEW(t->mem, struct stage);

    CHECK(store->magic == STORE_MAGIC);
    for (size_t i = 0; i < run_id.len; i++) {
        char c = run_id.ptr[i];
        CHECK((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_');
    }
    CHECK(run_id.len > 0);
    *stage = (struct stage){STAGE_MAGIC, store, arena_c_string(t->mem, run_id)};
    if (mkdirat(store->staging_fd, stage->name, 0700) != 0) {
        if (errno == EEXIST)
            return task_fail(t, ERR_CONFLICT, "the run %s has a staging folder already",
                             stage->name);
        return task_fail_errno(t, ERR_IO, "cannot make a staging folder in %s", store->home.ptr);
    }
    arena_defer(t->mem, stage_remove, stage);
    *folder_out = arena_format(t->mem, STR_FMT "/staging/%s", STR_ARG(store->home), stage->name);
    return true;
}

bool store_take(struct task *t, struct store *store, str from, str to)
{
    CHECK(store->magic == STORE_MAGIC);
    return store_file_take(t, from, to);
}
