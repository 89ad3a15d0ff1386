/* New files, all or none: they are written beside their places, under names that begin with a dot, and moved when all are on disk. What is
 * one new folder moves as one, so that a kill in the middle leaves it whole or not there. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli_inside.h"
#include "fault/fault.h"
#include "store/store_file.h"

enum { WRITE_OPEN_FOLDERS_MAX = 16 };

/* What is moved: a file into a folder that is there, or a new folder with all that comes into it. */
struct write_unit {
    str path, draft;
    bool is_moved;
};

struct write_set {
    struct task *t;
    str folder;
    const struct cli_files *files;
    struct {
        VEC_OF(struct write_unit)
    } units;
};

static const char *write_whole(const struct write_set *w, str path)
{
    return str_starts(path, STR("/"))
             ? arena_c_string(w->t->mem, path)
             : arena_format(w->t->mem, "%.*s/%.*s", STR_ARG(w->folder), STR_ARG(path)).ptr;
}

static bool write_is_there(const struct write_set *w, str path)
{
    struct stat facts;

    return lstat(write_whole(w, path), &facts) == 0;
}

static int write_remove_one(const char *path, const struct stat *facts, int kind, struct FTW *at)
{
    (void)facts;
    (void)kind;
    (void)at;
    return remove(path);
}

static void write_remove(const struct write_set *w, str path)
{
    if (write_is_there(w, path)) {
        (void)nftw(write_whole(w, path), write_remove_one, WRITE_OPEN_FOLDERS_MAX,
                   FTW_DEPTH | FTW_PHYS);
    }
}

/* ---- units */

/* The first part of a path that is not there: the file itself, or a folder above it. */
static str write_top(const struct write_set *w, str path)
{
    for (size_t i = 1; i < path.len; i++) {
        if (path.ptr[i] == '/' && !write_is_there(w, str_sub(path, 0, i))) {
            return str_sub(path, 0, i);
        }
    }
    return path;
}

static struct write_unit *write_unit_of(struct write_set *w, str path)
{
    str top = write_top(w, path), parent, name;

    for (size_t i = 0; i < w->units.len; i++) {
        if (str_eq(w->units.at[i].path, top)) {
            return &w->units.at[i];
        }
    }
    bool has_parent = str_cut_last(top, '/', &parent, &name);
    struct write_unit *unit = vec_add(w->t->mem, &w->units);

    *unit = (struct write_unit){.path = top,
                                .draft = arena_format(w->t->mem, "%.*s%s.%.*s.weft-new",
                                                      STR_ARG(has_parent ? parent : STR_NONE),
                                                      has_parent ? "/" : "",
                                                      STR_ARG(has_parent ? name : top))};
    return unit;
}

static bool write_find_units(struct write_set *w)
{
    for (size_t i = 0; i < w->files->len; i++) {
        str path = w->files->at[i].path;

        if (write_is_there(w, path)) {
            task_fail(w->t, ERR_CONFLICT, "%.*s is there already", STR_ARG(path));
            return task_hint(w->t, "choose another name: nothing is written over");
        }
    }
    for (size_t i = 0; i < w->files->len; i++) {
        (void)write_unit_of(w, w->files->at[i].path);
    }
    /* One that was killed left them; nobody else has files of such names. */
    for (size_t i = 0; i < w->units.len; i++) {
        write_remove(w, w->units.at[i].draft);
    }
    return true;
}

/* ---- drafts */

static bool write_fail(const struct write_set *w, str path)
{
    return task_fail_errno(w->t, ERR_IO, "cannot write %.*s", STR_ARG(path));
}

static bool write_sync_folder(const struct write_set *w, str path)
{
    str parent, name;
    bool has_parent = str_cut_last(path, '/', &parent, &name);

    return store_sync(w->t, str_of(write_whole(w, has_parent ? parent : STR("."))));
}

/* Who reads of a failure knows the name that the file was to have. */
static bool write_bytes(const struct write_set *w, str path, str told, str text, unsigned mode)
{
    int fd = open(write_whole(w, path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool ok = fd >= 0 && store_file_write(fd, text) && fsync(fd) == 0;

    if (!ok) {
        (void)write_fail(w, told);
    }
    if (fd >= 0 && close(fd) != 0 && ok) {
        return write_fail(w, told);
    }
    return ok;
}

static bool write_draft(struct write_set *w, const struct cli_file *file)
{
    const struct write_unit *unit = write_unit_of(w, file->path);
    str path = arena_format(w->t->mem, "%.*s%.*s", STR_ARG(unit->draft),
                            STR_ARG(str_from(file->path, unit->path.len)));

    for (size_t i = unit->draft.len; i < path.len; i++) {
        if (path.ptr[i] == '/' && mkdir(write_whole(w, str_sub(path, 0, i)), 0777) != 0
            && errno != EEXIST) {
            return write_fail(w, file->path);
        }
    }
    return write_bytes(w, path, file->path, file->text, file->mode) && write_sync_folder(w, path)
        && fault_pass(w->t, FAULT_NEW_FILE);
}

/* ---- moves */

/* Never onto what is there, though it came this very moment. */
static bool write_move(const struct write_set *w, struct write_unit *unit)
{
    const char *from = write_whole(w, unit->draft), *to = write_whole(w, unit->path);

    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        unit->is_moved = true;
        return write_sync_folder(w, unit->path) && fault_pass(w->t, FAULT_NEW_MOVE);
    }
    if (errno == EEXIST) {
        return task_fail(w->t, ERR_CONFLICT, "%.*s is there already", STR_ARG(unit->path));
    }
    return write_fail(w, unit->path);
}

static void write_undo(struct write_set *w)
{
    for (size_t i = 0; i < w->units.len; i++) {
        write_remove(w, w->units.at[i].draft);
        if (w->units.at[i].is_moved) {
            write_remove(w, w->units.at[i].path);
        }
    }
}

bool cli_write_files(struct task *t, str folder, const struct cli_files *files)
{
    struct write_set w = {.t = t, .folder = folder, .files = files};
    bool ok = write_find_units(&w);

    for (size_t i = 0; ok && i < files->len; i++) {
        ok = write_draft(&w, &files->at[i]);
    }
    for (size_t i = 0; ok && i < w.units.len; i++) {
        ok = write_move(&w, &w.units.at[i]);
    }
    if (!ok) {
        write_undo(&w);
    }
    return ok;
}

bool cli_write_over(struct task *t, str path, str text)
{
    struct write_set w = {.t = t, .folder = STR(".")};
    struct stat facts;
    str parent, name;
    bool has_parent = str_cut_last(path, '/', &parent, &name);
    str draft =
        arena_format(t->mem, "%.*s%s.%.*s.weft-new", STR_ARG(has_parent ? parent : STR_NONE),
                     has_parent ? "/" : "", STR_ARG(has_parent ? name : path));
    unsigned mode = stat(write_whole(&w, path), &facts) == 0 ? facts.st_mode & 0777 : 0666;

    write_remove(&w, draft);
    bool ok = write_bytes(&w, draft, path, text, mode) && chmod(write_whole(&w, draft), mode) == 0
           && fault_pass(t, FAULT_NEW_MOVE)
           && (rename(write_whole(&w, draft), write_whole(&w, path)) == 0 || write_fail(&w, path))
           && write_sync_folder(&w, path);

    if (!ok) {
        write_remove(&w, draft);
    }
    return ok || t->err.code != ERR_NONE ? ok : write_fail(&w, path);
}
