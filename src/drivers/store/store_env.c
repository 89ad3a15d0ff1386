#include "store/store_env.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/fault.h"
#include "log/log.h"
#include "store/store_copy.h"
#include "store/store_file.h"
#include "store/store_inside.h"

str store_env_folder(struct task *t, str home, str name)
{
    return arena_format(t->mem, STR_FMT "/env/" STR_FMT, STR_ARG(home), STR_ARG(name));
}

str store_env_catalog(struct task *t, str home, str name)
{
    return arena_format(t->mem, STR_FMT "/env/" STR_FMT "/catalog.db", STR_ARG(home),
                        STR_ARG(name));
}

str store_env_next(struct task *t, str home, str name)
{
    return arena_format(t->mem, STR_FMT "/env/" STR_FMT "/next.db", STR_ARG(home), STR_ARG(name));
}

str store_env_last(struct task *t, str home, str name)
{
    return arena_format(t->mem, STR_FMT "/env/" STR_FMT "/last.db", STR_ARG(home), STR_ARG(name));
}

static bool is_there(str path)
{
    struct stat state;

    return lstat(path.ptr, &state) == 0;
}

bool store_env_has_last(struct task *t, str home, str name)
{
    return is_there(store_env_last(t, home, name));
}

bool store_env_names(struct task *t, str home, struct str_list *out)
{
    return store_copy_names(t, arena_format(t->mem, STR_FMT "/env", STR_ARG(home)), out);
}

bool store_env_exists(struct task *t, str home, str name, bool *out)
{
    struct stat state;

    *out = lstat(arena_c_string(t->mem, store_env_folder(t, home, name)), &state) == 0;
    return *out || errno == ENOENT
        || task_fail_errno(t, ERR_IO, "cannot look at environment " STR_FMT, STR_ARG(name));
}

bool store_env_has_catalog(struct task *t, str home, str name)
{
    return is_there(store_env_catalog(t, home, name))
        || task_fail(t, ERR_CORRUPT, "the catalog of environment " STR_FMT " is gone",
                     STR_ARG(name));
}

/* Names with a dot: of what was begun and not finished, and of what was on its way out. */
static bool remove_dotted(struct task *t, int env_fd)
{
    int fd = dup(env_fd);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    struct str_list names = {0};
    struct dirent *entry;

    if (folder == NULL) {
        if (fd >= 0)
            close(fd);
        return task_fail_errno(t, ERR_IO, "cannot read the folder of environments");
    }
    while ((entry = readdir(folder)) != NULL) {
        str name = str_of(entry->d_name);

        if (name.len > 2 && name.ptr[0] == '.')
            vec_push(t->mem, &names, arena_str(t->mem, name));
    }
    closedir(folder);
    for (size_t i = 0; i < names.len; i++)
        if (!store_folder_remove(env_fd, arena_c_string(t->mem, names.at[i])))
            return task_fail_errno(t, ERR_IO, "cannot remove env/" STR_FMT, STR_ARG(names.at[i]));
    return true;
}

/* It had given its name to one that did not get it. */
static bool take_back_last(struct task *t, str home, str name)
{
    str catalog = store_env_catalog(t, home, name), last = store_env_last(t, home, name);

    if (is_there(catalog) || !is_there(last))
        return true;
    if (rename(last.ptr, catalog.ptr) != 0)
        return task_fail_errno(t, ERR_IO, "cannot move " STR_FMT, STR_ARG(last));
    return store_sync(t, store_env_folder(t, home, name));
}

bool store_env_tidy(struct task *t, str home)
{
    str path = arena_format(t->mem, STR_FMT "/env", STR_ARG(home));
    struct str_list names;
    int fd;

    if (!store_copy_folder(t, path))
        return false;
    fd = open(arena_c_string(t->mem, path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot open " STR_FMT, STR_ARG(path));
    bool ok = remove_dotted(t, fd) && store_env_names(t, home, &names);
    close(fd);
    for (size_t i = 0; ok && i < names.len; i++)
        ok = store_env_clear(t, store_env_next(t, home, names.at[i]))
          && take_back_last(t, home, names.at[i]);
    return ok;
}

bool store_env_clear(struct task *t, str path)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        str file = arena_format(t->mem, STR_FMT "%s", STR_ARG(path), endings[i]);

        if (unlink(file.ptr) != 0 && errno != ENOENT)
            return task_fail_errno(t, ERR_IO, "cannot remove " STR_FMT, STR_ARG(file));
    }
    return true;
}

/* One that is closed has no log beside it: what that holds would be read into the other file. */
static bool demand_closed(struct task *t, str path)
{
    str log = arena_format(t->mem, STR_FMT "-wal", STR_ARG(path));

    return !is_there(log) || task_fail(t, ERR_IO, STR_FMT " is there", STR_ARG(log));
}

bool store_env_sync(struct task *t, str path)
{
    return store_sync(t, path) && demand_closed(t, path);
}

bool store_env_replace(struct task *t, str home, str name, bool keeps_last)
{
    str from = store_env_next(t, home, name), to = store_env_catalog(t, home, name),
        last = store_env_last(t, home, name);

    if (!store_env_sync(t, from) || !demand_closed(t, to)
        || (keeps_last && !store_env_clear(t, last)))
        return false;
    if (keeps_last && rename(to.ptr, last.ptr) != 0)
        return task_fail_errno(t, ERR_IO, "cannot move " STR_FMT, STR_ARG(to));
    if ((keeps_last && !fault_pass(t, FAULT_ENV_ASIDE)) || rename(from.ptr, to.ptr) != 0) {
        if (t->err.code == ERR_NONE)
            (void)task_fail_errno(t, ERR_IO, "cannot move " STR_FMT, STR_ARG(from));
        if (keeps_last && rename(last.ptr, to.ptr) != 0)
            log_event(LOG_ERROR, "store", t, "%s has no name until the next start: errno %d",
                      to.ptr, errno);
        return false;
    }
    /* It is there, and the one before is gone or aside: no failure would be true. After a loss of power either may be there, whole. */
    if (!store_sync(t, store_env_folder(t, home, name))) {
        log_failure("store", t);
        task_clear_error(t);
    }
    return true;
}

bool store_env_remove(struct task *t, str home, str name)
{
    str path = arena_format(t->mem, STR_FMT "/env", STR_ARG(home));
    char *from = arena_c_string(t->mem, name);
    char *gone =
        arena_c_string(t->mem, arena_format(t->mem, "." STR_FMT ".dropped", STR_ARG(name)));
    int fd = open(arena_c_string(t->mem, path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot open " STR_FMT, STR_ARG(path));
    bool ok = (store_folder_remove(fd, gone) && renameat(fd, from, fd, gone) == 0)
           || task_fail_errno(t, ERR_IO, "cannot remove " STR_FMT "/%s", STR_ARG(path), from);
    /* It has no name any more: the next start removes what is left of it. */
    if (ok && (fsync(fd) != 0 || !store_folder_remove(fd, gone)))
        log_event(LOG_WARN, "store", t, "cannot remove all of env/%s yet: errno %d", gone, errno);
    close(fd);
    return ok;
}
