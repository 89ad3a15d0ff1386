#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli_inside.h"
#include "limits/limits.h"
#include "plan/plan.h"

enum { BUNDLE_DEPTH_MAX = 32 };

struct bundle_walk {
    str root; /* absolute */
    struct bundle *out;
    size_t bytes;
};

static bool bundle_is_text_kind(str name)
{
    static const char *const endings[] = {".yaml", ".yml", ".sql", ".json", ".md"};

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (str_ends(name, str_of(endings[i]))) {
            return true;
        }
    }
    return false;
}

static bool bundle_fail(struct task *t, enum error_code code, str path, const char *why,
                        const char *hint)
{
    task_fail(t, code, "%s", why);
    task_place(t, (struct place){.file = path});
    return task_hint(t, "%s", hint);
}

/* A file that is left out would look like one that was removed: what cannot be sent is an error. */
static bool bundle_add(struct task *t, struct bundle_walk *walk, str path)
{
    str whole = arena_format(t->mem, "%.*s/%.*s", STR_ARG(walk->root), STR_ARG(path)), text;

    if (!cli_read_file(t, whole, DOCUMENT_BYTES_MAX, &text)) {
        return t->err.code == ERR_LIMIT ? bundle_fail(
                   t, ERR_LIMIT, path, "the file is too large for a bundle", "at most 1 MiB a file")
                                        : false;
    }
    if (!str_is_utf8(text)) {
        return bundle_fail(t, ERR_INVALID, path, "the file is no UTF-8 text",
                           "save it as UTF-8, or move it out of the folders policies and domains");
    }
    walk->bytes += text.len;
    if (walk->out->len >= BUNDLE_FILES_MAX || walk->bytes > BUNDLE_BYTES_MAX) {
        return task_fail(t, ERR_LIMIT,
                         "the files of the mesh are more than %d or larger than %d bytes",
                         (int)BUNDLE_FILES_MAX, (int)BUNDLE_BYTES_MAX);
    }
    vec_push(t->mem, walk->out, ((struct bundle_file){.path = path, .text = text}));
    return true;
}

/* A link may lead to a file of the same mesh, and nowhere else. */
static bool bundle_demand_inside(struct task *t, const struct bundle_walk *walk, str path,
                                 const char *whole)
{
    char target[PATH_MAX];
    str found;

    if (realpath(whole, target) == NULL) {
        return bundle_fail(t, ERR_INVALID, path, "the link leads nowhere",
                           "remove it, or make its target");
    }
    found = str_of(target);
    if (!str_starts(found, walk->root) || found.len <= walk->root.len
        || target[walk->root.len] != '/') {
        return bundle_fail(t, ERR_INVALID, path, "the link leads out of the mesh folder",
                           "put the file itself here");
    }
    return true;
}

static bool bundle_walk_folder(struct task *t, struct bundle_walk *walk, str path, int depth);

static bool bundle_take(struct task *t, struct bundle_walk *walk, str path, str name, int depth)
{
    str whole = arena_format(t->mem, "%.*s/%.*s", STR_ARG(walk->root), STR_ARG(path));
    struct stat facts;

    if (lstat(whole.ptr, &facts) != 0) {
        return errno == ENOENT ? task_fail(t, ERR_NOT_FOUND, "there is no %.*s", STR_ARG(whole))
                               : task_fail_errno(t, ERR_IO, "cannot look at %.*s", STR_ARG(whole));
    }
    if (S_ISLNK(facts.st_mode)) {
        if (!bundle_demand_inside(t, walk, path, whole.ptr)) {
            return false;
        }
        if (stat(whole.ptr, &facts) != 0 || !S_ISREG(facts.st_mode)) {
            return bundle_fail(t, ERR_INVALID, path, "the link leads to no file",
                               "put the folder itself here");
        }
    }
    if (S_ISDIR(facts.st_mode)) {
        return bundle_walk_folder(t, walk, path, depth + 1);
    }
    return !S_ISREG(facts.st_mode) || !bundle_is_text_kind(name) || bundle_add(t, walk, path);
}

static bool bundle_walk_folder(struct task *t, struct bundle_walk *walk, str path, int depth)
{
    str whole = arena_format(t->mem, "%.*s/%.*s", STR_ARG(walk->root), STR_ARG(path));
    struct str_list names = {0};
    DIR *folder = opendir(whole.ptr);

    if (folder == NULL) {
        return errno == ENOENT
            || task_fail_errno(t, ERR_IO, "cannot read the folder %.*s", STR_ARG(whole));
    }
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.') {
            vec_push(t->mem, &names, arena_str(t->mem, str_of(entry->d_name)));
        }
    }
    closedir(folder);
    if (depth > BUNDLE_DEPTH_MAX) {
        return bundle_fail(t, ERR_LIMIT, path, "the folders are nested too deeply",
                           "at most 32 levels");
    }
    str_list_sort(&names);
    for (size_t i = 0; i < names.len; i++) {
        str child = arena_format(t->mem, "%.*s/%.*s", STR_ARG(path), STR_ARG(names.at[i]));

        if (!task_go_on(t) || !bundle_take(t, walk, child, names.at[i], depth)) {
            return false;
        }
    }
    return true;
}

static bool bundle_walk_domain(struct task *t, struct bundle_walk *walk, str domain)
{
    str path = arena_format(t->mem, "domains/%.*s", STR_ARG(domain));
    str whole = arena_format(t->mem, "%.*s/%.*s", STR_ARG(walk->root), STR_ARG(path));

    if (!str_is_name(domain) || access(whole.ptr, F_OK) != 0) {
        task_fail(t, ERR_NOT_FOUND, "there is no folder domains/%.*s in the mesh", STR_ARG(domain));
        return task_hint(t, "the mesh folder is %.*s", STR_ARG(walk->root));
    }
    return bundle_walk_folder(t, walk, path, 1);
}

/* Each once, however often it was named. */
static bool bundle_walk_domains(struct task *t, struct bundle_walk *walk, str domains)
{
    struct str_list names = {0};
    str name, rest = domains;

    while (rest.len > 0) {
        (void)str_cut(rest, ',', &name, &rest);
        str_list_add(t->mem, &names, name);
    }
    for (size_t i = 0; i < names.len; i++) {
        if (!bundle_walk_domain(t, walk, names.at[i])) {
            return false;
        }
    }
    return true;
}

bool cli_read_bundle(struct task *t, str folder, str domain, struct bundle *out)
{
    char root[PATH_MAX];
    struct bundle_walk walk = {.out = out};
    bool ok;

    *out = (struct bundle){0};
    if (realpath(arena_c_string(t->mem, folder), root) == NULL) {
        return task_fail_errno(t, ERR_NOT_FOUND, "cannot find the mesh folder %.*s",
                               STR_ARG(folder));
    }
    walk.root = str_of(root);
    if (str_eq(domain, STR("policies/"))) {
        ok = bundle_walk_folder(t, &walk, STR("policies"), 1);
    } else if (domain.len > 0) {
        ok = bundle_walk_domains(t, &walk, domain);
    } else {
        ok = bundle_take(t, &walk, STR("mesh.yaml"), STR("mesh.yaml"), 0)
          && bundle_walk_folder(t, &walk, STR("policies"), 1)
          && bundle_walk_folder(t, &walk, STR("domains"), 1);
    }
    if (ok && out->len > 0) {
        qsort(out->at, out->len, sizeof(*out->at), bundle_compare);
    }
    return ok;
}
