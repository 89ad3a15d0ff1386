#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "fault/fault.h"
#include "store/store_inside.h"

/* Time of the file system, so the clock of the kernel and not the one that tests set. */
static int64_t age_of(const struct stat *state)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec - state->st_ctim.tv_sec;
}

/* The names in a folder, in the task's arena. A folder that is not there has none. */
static bool names_in(struct task *t, int parent_fd, const char *path, struct str_list *out)
{
    int fd = openat(parent_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (folder == NULL) {
        if (fd >= 0)
            close(fd);
        return errno == ENOENT || errno == ENOTDIR
            || task_fail_errno(t, ERR_IO, "cannot read the folder %s", path);
    }
    errno = 0;
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.')
            vec_push(t->mem, out, arena_str(t->mem, str_of(entry->d_name)));
        errno = 0;
    }
    bool ok = errno == 0 || task_fail_errno(t, ERR_IO, "cannot read the folder %s", path);
    closedir(folder);
    return ok;
}

typedef bool (*file_fn)(struct task *t, struct store *store, const char *path, str name,
                        void *state);

/* Calls `each` for every file that lies `depth` folders below `path` (relative to the home). */
static bool walk(struct task *t, struct store *store, str path, int depth, file_fn each,
                 void *state)
{
    struct arena_mark mark = arena_mark(t->mem);
    struct str_list names = {0};

    if (!names_in(t, store->home_fd, arena_c_string(t->mem, path), &names))
        return false;
    for (size_t i = 0; i < names.len; i++) {
        struct arena_mark inner = arena_mark(t->mem);
        str entry = arena_format(t->mem, STR_FMT "/" STR_FMT, STR_ARG(path), STR_ARG(names.at[i]));
        bool ok = depth > 0 ? walk(t, store, entry, depth - 1, each, state)
                            : each(t, store, arena_c_string(t->mem, entry), names.at[i], state);
        if (!ok)
            return false;
        arena_rewind(t->mem, inner);
    }
    arena_rewind(t->mem, mark);
    return true;
}

struct sweep {
    const struct map *keep;
    int64_t age_s;
    bool is_cleared; /* its name starts with that of the file it was made from */
    uint64_t removed;
};

static bool sweep_file(struct task *t, struct store *store, const char *path, str name,
                       void *handle)
{
    struct sweep *sweep = handle;
    str origin = sweep->is_cleared && name.len > SHA256_HEX ? str_sub(name, 0, SHA256_HEX) : name;
    struct stat state;

    if (map_find(sweep->keep, origin) != NULL
        || (sweep->is_cleared && str_starts(str_of(path), STR("cleared/" STORE_MESH "/"))))
        return true;
    /* Under the lock, so that a file which a publish adopts just now is seen with its new time. */
    pthread_mutex_lock(&store->lock);
    bool is_removed = fstatat(store->home_fd, path, &state, AT_SYMLINK_NOFOLLOW) == 0
                   && age_of(&state) >= sweep->age_s && unlinkat(store->home_fd, path, 0) == 0;
    if (is_removed && !sweep->is_cleared)
        store_forget(store, name);
    pthread_mutex_unlock(&store->lock);
    if (!is_removed)
        return true;
    sweep->removed++;
    return fault_pass(t, FAULT_UPKEEP_REMOVE) && task_go_on(t);
}

/* Folders of classes and tables that have become empty; others stay. */
static bool drop_empty_folders(struct task *t, struct store *store)
{
    struct str_list tables = {0};

    if (!names_in(t, store->home_fd, "cleared", &tables))
        return false;
    for (size_t i = 0; i < tables.len; i++) {
        struct arena_mark mark = arena_mark(t->mem);
        struct str_list classes = {0};
        char *table =
            arena_c_string(t->mem, arena_format(t->mem, "cleared/" STR_FMT, STR_ARG(tables.at[i])));
        if (!names_in(t, store->home_fd, table, &classes))
            return false;
        pthread_mutex_lock(&store->lock);
        for (size_t k = 0; k < classes.len; k++) {
            char *folder = arena_c_string(
                t->mem, arena_format(t->mem, "%s/" STR_FMT, table, STR_ARG(classes.at[k])));
            unlinkat(store->home_fd, folder, AT_REMOVEDIR);
        }
        unlinkat(store->home_fd, table, AT_REMOVEDIR);
        pthread_mutex_unlock(&store->lock);
        arena_rewind(t->mem, mark);
    }
    return true;
}

bool store_sweep(struct task *t, struct store *store, const struct str_list *keep, int64_t age_s,
                 uint64_t *removed_out)
{
    struct map kept;
    struct sweep sweep = {.keep = &kept, .age_s = age_s};

    CHECK(store->magic == STORE_MAGIC);
    map_init(&kept, t->mem);
    for (size_t i = 0; i < keep->len; i++)
        map_put(&kept, keep->at[i], &keep->at[i]);
    bool ok = walk(t, store, STR("files"), 1, sweep_file, &sweep);
    sweep.is_cleared = true;
    ok =
        ok && walk(t, store, STR("cleared"), 2, sweep_file, &sweep) && drop_empty_folders(t, store);
    *removed_out = sweep.removed;
    return ok;
}

bool store_remove_files(struct task *t, struct store *store, const struct str_list *names)
{
    CHECK(store->magic == STORE_MAGIC);
    for (size_t i = 0; i < names->len; i++) {
        str name = names->at[i];
        CHECK(store_is_sha256(name));
        char *path = arena_c_string(
            t->mem, arena_format(t->mem, "files/%.2s/" STR_FMT, name.ptr, STR_ARG(name)));
        pthread_mutex_lock(&store->lock);
        bool ok = unlinkat(store->home_fd, path, 0) == 0 || errno == ENOENT;
        store_forget(store, name);
        pthread_mutex_unlock(&store->lock);
        if (!ok)
            return task_fail_errno(t, ERR_IO, "cannot remove %s", path);
        if (!fault_pass(t, FAULT_UPKEEP_REMOVE) || !task_go_on(t))
            return false;
    }
    return drop_empty_folders(t, store);
}

bool store_list(struct task *t, struct store *store, struct str_list *out)
{
    struct str_list folders = {0};

    CHECK(store->magic == STORE_MAGIC);
    if (!names_in(t, store->home_fd, "files", &folders))
        return false;
    for (size_t i = 0; i < folders.len; i++) {
        struct str_list names = {0};
        char *folder =
            arena_c_string(t->mem, arena_format(t->mem, "files/" STR_FMT, STR_ARG(folders.at[i])));
        if (!names_in(t, store->home_fd, folder, &names))
            return false;
        for (size_t k = 0; k < names.len; k++) {
            if (store_is_sha256(names.at[k]))
                vec_push(t->mem, out, names.at[k]);
        }
    }
    str_list_sort(out);
    return true;
}

struct sizes {
    uint64_t files, bytes;
};

static bool size_file(struct task *t, struct store *store, const char *path, str name, void *handle)
{
    struct sizes *sizes = handle;
    struct stat state;

    (void)name;
    if (fstatat(store->home_fd, path, &state, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(state.st_mode)) {
        sizes->files++;
        sizes->bytes += (uint64_t)state.st_size;
    }
    return task_go_on(t);
}

bool store_cleared_size(struct task *t, struct store *store, uint64_t table_id, uint64_t *files_out,
                        uint64_t *bytes_out)
{
    struct sizes sizes = {0};
    str table = arena_format(t->mem, "cleared/%" PRIu64, table_id);

    CHECK(store->magic == STORE_MAGIC);
    if (!walk(t, store, table_id == 0 ? STR("cleared") : table, table_id == 0 ? 2 : 1, size_file,
              &sizes))
        return false;
    *files_out = sizes.files;
    *bytes_out = sizes.bytes;
    return true;
}
