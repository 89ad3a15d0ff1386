#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf/buf.h"
#include "cli_inside.h"
#include "limits/limits.h"

static bool home_has(struct task *t, str folder, const char *name)
{
    struct stat facts;
    str path = arena_format(t->mem, "%.*s/%s", STR_ARG(folder), name);

    return stat(path.ptr, &facts) == 0;
}

static str home_parent(str path)
{
    str head, tail;

    (void)str_cut_last(path, '/', &head, &tail);
    return head.len > 0 ? head : STR("/");
}

/* Absolute, with no `.` or link in it; the last part need not be there. */
bool cli_absolute(struct task *t, str path, str *out)
{
    char space[PATH_MAX];
    str head, tail;

    if (path.len == 0) {
        return task_fail(t, ERR_USAGE, "the name of a folder is empty");
    }
    while (path.len > 1 && str_ends(path, STR("/"))) {
        path = str_sub(path, 0, path.len - 1);
    }
    if (realpath(arena_c_string(t->mem, path), space) != NULL) {
        *out = arena_str(t->mem, str_of(space));
        return true;
    }
    if (!str_has(path, '/')) {
        head = STR(".");
        tail = path;
    } else {
        (void)str_cut_last(path, '/', &head, &tail);
        head = head.len > 0 ? head : STR("/");
    }
    if (errno != ENOENT || realpath(arena_c_string(t->mem, head), space) == NULL) {
        return task_fail_errno(t, ERR_USAGE, "cannot find %.*s", STR_ARG(path));
    }
    *out = arena_format(t->mem, "%s%s%.*s", space, space[1] ? "/" : "", STR_ARG(tail));
    return true;
}

/* The folder with mesh.yaml, here or above. */
static bool home_walk_up(struct task *t, str *out)
{
    char space[PATH_MAX];
    str folder;

    *out = STR_NONE;
    if (getcwd(space, sizeof(space)) == NULL) {
        return task_fail_errno(t, ERR_IO, "cannot tell the current folder");
    }
    folder = arena_str(t->mem, str_of(space));
    while (!home_has(t, folder, "mesh.yaml")) {
        if (folder.len <= 1) {
            return true;
        }
        folder = home_parent(folder);
    }
    *out = folder;
    return true;
}

bool cli_find_folder(struct task *t, struct cli *cli, str *out)
{
    if (cli->has[OPTION_folder]) {
        return cli_absolute(t, cli->value[OPTION_folder], out);
    }
    return home_walk_up(t, out);
}

/* Local sources are relative to the folder of the home, wherever a command is given. */
static bool home_find_its_folder(struct task *t, struct cli *cli)
{
    str beside = home_parent(cli->home);

    if (!cli->has[OPTION_folder]
        && (home_has(t, beside, "mesh.yaml") || str_ends(cli->home, STR("/.weft")))) {
        cli->folder = beside;
        return true;
    }
    if (!cli_find_folder(t, cli, &cli->folder)) {
        return false;
    }
    cli->folder = cli->folder.len > 0 ? cli->folder : beside;
    return true;
}

static bool home_demand_owner(struct task *t, const struct cli *cli)
{
    struct stat facts;

    if (stat(cli->home.ptr, &facts) != 0) {
        return task_fail_errno(t, ERR_IO, "cannot look at the home %.*s", STR_ARG(cli->home));
    }
    if (!S_ISDIR(facts.st_mode)) {
        return task_fail(t, ERR_USAGE, "the home %.*s is no folder", STR_ARG(cli->home));
    }
    if (facts.st_uid != geteuid()) {
        task_fail(t, ERR_DENIED, "the home %.*s belongs to another user of this machine",
                  STR_ARG(cli->home));
        return task_hint(t, "ask its server over HTTP: --server URL --token TOKEN");
    }
    return true;
}

static bool home_name(struct task *t, struct cli *cli)
{
    const char *environment = getenv("WEFT_HOME");
    bool is_named = cli->has[OPTION_home] || (environment != NULL && environment[0] != '\0');
    str folder = STR_NONE;

    if (is_named) {
        str home = cli->has[OPTION_home] ? cli->value[OPTION_home] : str_of(environment);

        if (!cli_absolute(t, home, &cli->home)) {
            return false;
        }
    } else {
        if (!cli_find_folder(t, cli, &folder)) {
            return false;
        }
        if (folder.len == 0 || !home_has(t, folder, "mesh.yaml")) {
            task_fail(t, ERR_USAGE, "there is no mesh.yaml here or above");
            return task_hint(t, "go to the folder of a mesh, begin one with weft init, or say "
                                "--home DIR or --server URL");
        }
        cli->home = arena_format(t->mem, "%.*s/.weft", STR_ARG(folder));
    }
    return true;
}

bool cli_name_home(struct task *t, struct cli *cli, str *out)
{
    if (!home_name(t, cli)) {
        return false;
    }
    *out = cli->home;
    return true;
}

bool cli_find_home(struct task *t, struct cli *cli, bool make)
{
    if (!home_name(t, cli) || !home_find_its_folder(t, cli)) {
        return false;
    }
    if (make && mkdir(cli->home.ptr, 0700) != 0 && errno != EEXIST) {
        return task_fail_errno(t, ERR_IO, "cannot make the home %.*s", STR_ARG(cli->home));
    }
    return home_demand_owner(t, cli);
}

bool cli_read_file(struct task *t, str path, size_t most, str *out)
{
    bool is_input = str_eq(path, STR("-"));
    struct buf *b = buf_new(t->mem, most);
    int fd = is_input ? STDIN_FILENO
                      : open(arena_c_string(t->mem, path), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t got = 1;
    bool ok;

    if (fd < 0) {
        return task_fail_errno(t, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot read %.*s",
                               STR_ARG(path));
    }
    for (ok = true; ok && got > 0;) {
        char part[8192];

        got = read(fd, part, sizeof(part));
        if (got < 0 && errno == EINTR) {
            got = 1;
            ok = task_go_on(t);
        } else if (got < 0) {
            ok = task_fail_errno(t, ERR_IO, "cannot read %.*s", STR_ARG(path));
        } else if (!buf_add(b, (str){part, (size_t)got})) {
            ok = task_fail(t, ERR_LIMIT, "%.*s is larger than %zu bytes", STR_ARG(path), most);
        }
    }
    if (!is_input) {
        close(fd);
    }
    *out = buf_str(b);
    return ok;
}
