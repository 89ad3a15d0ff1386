#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/fault.h"
#include "store/store_file.h"
#include "store/store_inside.h"

static bool is_plain_name(str name)
{
    return name.len > 0 && !str_has(name, '/') && !str_has(name, '\0') && name.ptr[0] != '.';
}

str store_cleared_path(struct task *t, const struct store *store, uint64_t table_id, str class_id,
                       str file)
{
    CHECK(store->magic == STORE_MAGIC && is_plain_name(class_id) && is_plain_name(file));
    return arena_format(t->mem, STR_FMT "/cleared/%" PRIu64 "/" STR_FMT "/" STR_FMT,
                        STR_ARG(store->home), table_id, STR_ARG(class_id), STR_ARG(file));
}

str store_mesh_path(struct task *t, const struct store *store, uint64_t version, str file)
{
    CHECK(store->magic == STORE_MAGIC && is_plain_name(file));
    return arena_format(t->mem, STR_FMT "/cleared/" STORE_MESH "/%" PRIu64 "/" STR_FMT,
                        STR_ARG(store->home), version, STR_ARG(file));
}

bool store_empty_mesh(struct task *t, struct store *store)
{
    int fd = openat(store->home_fd, "cleared", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT
            || task_fail_errno(t, ERR_IO, "cannot open the folder of cleared copies");
    bool ok = store_folder_remove(fd, STORE_MESH)
           || task_fail_errno(t, ERR_IO, "cannot remove the files of mesh tables");
    close(fd);
    return ok;
}

static bool make_one(struct task *t, str path)
{
    char *name = arena_c_string(t->mem, path);

    if (mkdir(name, 0700) == 0 || errno == EEXIST)
        return true;
    return task_fail_errno(t, ERR_IO, "cannot make %s", name);
}

/* The folders of table and class. */
static bool make_parents(struct task *t, str path)
{
    str class_folder, table_folder, name;

    if (!str_cut_last(path, '/', &class_folder, &name)
        || !str_cut_last(class_folder, '/', &table_folder, &name))
        return task_fail(t, ERR_INTERNAL, "a cleared copy has no folder");
    return make_one(t, table_folder) && make_one(t, class_folder);
}

bool store_keep_cleared(struct task *t, struct store *store, str from, str path)
{
    CHECK(store->magic == STORE_MAGIC && str_starts(path, store->home));
    if (!fault_pass(t, FAULT_CLEAR_BEFORE_MOVE))
        return false;
    /* Under the lock, so that a removal of the class's last copy does not take the folder away
     * between. */
    pthread_mutex_lock(&store->lock);
    bool ok = make_parents(t, path) && store_file_take(t, from, path);
    pthread_mutex_unlock(&store->lock);
    return ok && fault_pass(t, FAULT_CLEAR_AFTER_MOVE);
}

void store_remove_cleared(struct task *t, struct store *store, str path)
{
    struct arena_mark mark = arena_mark(t->mem);
    str class_folder, table_folder, name;

    CHECK(store->magic == STORE_MAGIC && str_starts(path, store->home));
    pthread_mutex_lock(&store->lock);
    unlink(arena_c_string(t->mem, path));
    /* Folders that are not empty stay. */
    if (str_cut_last(path, '/', &class_folder, &name)
        && str_cut_last(class_folder, '/', &table_folder, &name)
        && rmdir(arena_c_string(t->mem, class_folder)) == 0)
        rmdir(arena_c_string(t->mem, table_folder));
    pthread_mutex_unlock(&store->lock);
    arena_rewind(t->mem, mark);
}
