#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/retail_data.h"
#include "cli_inside.h"
#include "embed/embed.h"

static bool init_make_folder(struct task *t, str path)
{
    return mkdir(arena_c_string(t->mem, path), 0777) == 0 || errno == EEXIST
        || task_fail_errno(t, ERR_IO, "cannot make the folder %.*s", STR_ARG(path));
}

/* The folders above a file, below `folder`. */
static bool init_make_parents(struct task *t, str folder, str path)
{
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '/'
            && !init_make_folder(
                t, arena_format(t->mem, "%.*s/%.*s", STR_ARG(folder), (int)i, path.ptr))) {
            return false;
        }
    }
    return true;
}

/* Nothing that stands there is ever written over. */
bool cli_write_new(struct task *t, str folder, str path, str text, unsigned mode)
{
    str whole = arena_format(t->mem, "%.*s/%.*s", STR_ARG(folder), STR_ARG(path));
    size_t done = 0;
    int fd;

    if (!init_make_parents(t, folder, path)) {
        return false;
    }
    fd = open(whole.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        task_fail_errno(t, errno == EEXIST ? ERR_CONFLICT : ERR_IO, "cannot write %.*s",
                        STR_ARG(whole));
        return t->err.code != ERR_CONFLICT
                 ? false
                 : task_hint(t, "begin in an empty folder: weft init DIR");
    }
    while (done < text.len) {
        ssize_t put = write(fd, text.ptr + done, text.len - done);

        if (put < 0) {
            task_fail_errno(t, ERR_IO, "cannot write %.*s", STR_ARG(whole));
            close(fd);
            return false;
        }
        done += (size_t)put;
    }
    return close(fd) == 0 || task_fail_errno(t, ERR_IO, "cannot write %.*s", STR_ARG(whole));
}

/* Examples are the folders that were embedded; `empty` is one of them, and the default. */
static bool init_find_example(struct task *t, str example)
{
    struct str_list names = {0};
    str name, rest;

    for (size_t i = 0; i < embedded_examples_len; i++) {
        if (str_cut(str_of(embedded_examples[i].path), '/', &name, &rest)) {
            str_list_add(t->mem, &names, name);
        }
    }
    if (str_list_has(&names, example)) {
        return true;
    }
    task_fail(t, ERR_USAGE, "there is no example %.*s", STR_ARG(example));
    return task_hint(t, "there are: %.*s", STR_ARG(str_list_join(t->mem, &names, STR(", "))));
}

static bool init_write_files(struct task *t, str folder, str example, size_t *files_out)
{
    str name, path;

    *files_out = 0;
    for (size_t i = 0; i < embedded_examples_len; i++) {
        const struct embedded_file *file = &embedded_examples[i];

        if (!str_cut(str_of(file->path), '/', &name, &path) || !str_eq(name, example)) {
            continue;
        }
        if (!cli_write_new(t, folder, path, (str){(const char *)file->bytes, file->len},
                           file->mode)) {
            return false;
        }
        (*files_out)++;
    }
    return true;
}

/* Before the first write, so that no half of a mesh is left where one stands already. */
static bool init_demand_room(struct task *t, str folder, str example)
{
    str name, path;

    for (size_t i = 0; i < embedded_examples_len; i++) {
        if (!str_cut(str_of(embedded_examples[i].path), '/', &name, &path)
            || !str_eq(name, example)) {
            continue;
        }
        str whole = arena_format(t->mem, "%.*s/%.*s", STR_ARG(folder), STR_ARG(path));
        if (access(whole.ptr, F_OK) == 0) {
            task_fail(t, ERR_CONFLICT, "%.*s is there already", STR_ARG(whole));
            return task_hint(t, "begin in an empty folder: weft init DIR");
        }
    }
    return true;
}

bool command_init(struct task *t, struct cli *cli)
{
    str folder, example = cli->has[OPTION_example] ? cli->value[OPTION_example] : STR("empty");
    size_t files;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 0, 1)) {
        return false;
    }
    folder = cli->arguments.len > 0 ? cli->arguments.at[0] : STR(".");
    if (!init_find_example(t, example) || !init_make_folder(t, folder)
        || !init_demand_room(t, folder, example) || !init_write_files(t, folder, example, &files)) {
        return false;
    }
    if (str_eq(example, STR("retail")) && !retail_data_write(t, folder)) {
        return false;
    }
    cli_note(cli, "wrote %zu files to %.*s", files, STR_ARG(folder));
    cli_note(cli, "next: %s%.*s%s%s", cli->arguments.len > 0 ? "cd " : "",
             cli->arguments.len > 0 ? (int)folder.len : 0, folder.ptr,
             cli->arguments.len > 0 ? ", " : "",
             str_eq(example, STR("empty")) ? "weft new product DOMAIN.NAME --from FILE"
                                           : "weft check, weft apply, weft run --all");
    return true;
}
