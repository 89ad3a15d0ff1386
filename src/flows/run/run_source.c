/* Fences of sources: which hosts, files and secrets a product may use. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf/buf.h"
#include "limits/limits.h"
#include "run_inside.h"
#include "source/source.h"

enum { RUN_SOURCE_FILES_MAX = 1000 };

static void run_free_addresses(void *handle)
{
    freeaddrinfo(handle);
}

static str run_address_text(struct task *t, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (address->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, text,
                  sizeof(text));
    } else if (address->sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, text,
                  sizeof(text));
    }
    return arena_str(t->mem, str_of(text));
}

/* Loopback, link-local (metadata services live there), multicast and unspecified addresses are reached by their own
 * number in the list only: a name of the outside must not lead inside. */
static bool run_is_inside(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        uint32_t number =
            ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr);
        return number >> 24 == 127 || number >> 16 == 0xa9fe || number >> 28 >= 14
            || number >> 24 == 0;
    }
    const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(six) || IN6_IS_ADDR_LINKLOCAL(six) || IN6_IS_ADDR_MULTICAST(six)
        || IN6_IS_ADDR_UNSPECIFIED(six) || IN6_IS_ADDR_V4MAPPED(six);
}

static str run_host_entry(struct task *t, str host, str port)
{
    return str_has(host, ':') ? arena_format(t->mem, "[%.*s]:%.*s", STR_ARG(host), STR_ARG(port))
                              : arena_format(t->mem, "%.*s:%.*s", STR_ARG(host), STR_ARG(port));
}

/* As the contract writes it: what stands for a secret stays that. */
static str run_host_shown(struct task *t, const struct source_server *server)
{
    const struct contract_server *said = server->server;

    return run_host_entry(t, said->host, said->listen_port.len ? said->listen_port : server->port);
}

bool run_reach(struct task *t, const struct run *r, const struct source_server *server,
               str *address_out, uint16_t *port_out)
{
    const struct str_list *hosts = &r->image->model->mesh.source_hosts;
    str entry = run_host_entry(t, server->host, server->port), shown = run_host_shown(t, server);
    struct addrinfo *found = NULL, hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    uint64_t number;

    if (!str_to_u64(server->port, &number) || number == 0 || number > 65535) {
        return task_fail(t, ERR_INVALID, "the source's port is not a number from 1 to 65535");
    }
    if (!str_list_has(hosts, entry)) {
        task_fail(t, ERR_REFUSED, "the source host %.*s is not listed in mesh.yaml",
                  STR_ARG(shown));
        return task_hint(t, "an administrator adds it to sources.hosts");
    }
    int status = getaddrinfo(arena_c_string(t->mem, server->host), NULL, &hints, &found);
    if (status != 0) {
        return task_fail(t, ERR_SOURCE, "the source host %.*s cannot be resolved: %s",
                         STR_ARG(shown), gai_strerror(status));
    }
    arena_defer(t->mem, run_free_addresses, found);
    for (struct addrinfo *a = found; a != NULL; a = a->ai_next) {
        str address = run_address_text(t, a->ai_addr);

        if (run_is_inside(a->ai_addr)
            && !str_list_has(hosts, run_host_entry(t, address, server->port))) {
            continue;
        }
        *address_out = address;
        *port_out = (uint16_t)number;
        return true;
    }
    task_fail(t, ERR_REFUSED,
              "the source host %.*s resolves to an address of this machine or of its link only",
              STR_ARG(shown));
    return task_hint(t, "list the address itself in sources.hosts if that is meant");
}

/* True when `path` is `root` or lies below it; both are without `..`. */
static bool run_is_below(str path, str root)
{
    return str_starts(path, root)
        && (path.len == root.len || root.len == 1 || path.ptr[root.len] == '/');
}

/* Without `.`, `..` and empty names, by its text alone; relative ones are of the folder of the mesh. */
static str run_absolute(struct task *t, const struct run *r, str path)
{
    struct str_list parts = {0};
    str rest = path, part;

    if (path.len == 0 || path.ptr[0] != '/') {
        rest = arena_format(t->mem, "%.*s/%.*s", STR_ARG(r->services->folder), STR_ARG(path));
    }
    while (rest.len > 0) {
        (void)str_cut(rest, '/', &part, &rest);
        if (str_eq(part, STR(".."))) {
            parts.len -= parts.len > 0;
        } else if (part.len > 0 && !str_eq(part, STR("."))) {
            vec_push(t->mem, &parts, part);
        }
    }
    return arena_format(t->mem, "/%.*s", STR_ARG(str_list_join(t->mem, &parts, STR("/"))));
}

static void run_free_glob(void *handle)
{
    globfree(handle);
}

static bool run_resolve(struct task *t, const char *path, str *out)
{
    char *resolved = realpath(path, NULL);

    if (resolved == NULL) {
        return false;
    }
    *out = arena_str(t->mem, str_of(resolved));
    free(resolved);
    return true;
}

static bool run_is_fenced(struct task *t, const struct run *r, str path)
{
    const struct str_list *roots = &r->image->model->mesh.source_roots;
    str home = r->services->home;

    /* The home itself lies beside the mesh: never a source, whatever the roots say. */
    if (run_is_below(path, home)
        || (run_resolve(t, arena_c_string(t->mem, home), &home) && run_is_below(path, home))) {
        return false;
    }
    for (size_t i = 0; i < roots->len; i++) {
        str root = run_absolute(t, r, roots->at[i]), resolved;

        if (run_resolve(t, arena_c_string(t->mem, root), &resolved)
            && run_is_below(path, resolved)) {
            return true;
        }
    }
    return false;
}

/* By its text alone: what lies outside must not be looked at, or the answer would tell whether it is there. */
static bool run_may_look(struct task *t, const struct run *r, str pattern)
{
    const struct str_list *roots = &r->image->model->mesh.source_roots;

    for (size_t i = 0; i < roots->len; i++) {
        str root = run_absolute(t, r, roots->at[i]), resolved;

        if (run_is_below(pattern, root)
            || (run_resolve(t, arena_c_string(t->mem, root), &resolved)
                && run_is_below(pattern, resolved))) {
            return true;
        }
    }
    return false;
}

struct run_folder {
    int fd;
};

static void run_close_folder(void *handle)
{
    struct run_folder *folder = handle;

    if (folder->fd >= 0) {
        close(folder->fd);
    }
}

/* Name by name and without following a link: a path that was resolved once may lead elsewhere by now. */
static bool run_open_folder(struct task *t, str path, struct run_folder **out)
{
    struct run_folder *folder = ARENA_NEW(t->mem, struct run_folder);
    str rest = str_from(path, 1), part;

    folder->fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    arena_defer(t->mem, run_close_folder, folder);
    while (folder->fd >= 0 && rest.len > 0) {
        int parent_fd = folder->fd;

        (void)str_cut(rest, '/', &part, &rest);
        folder->fd = openat(parent_fd, arena_c_string(t->mem, part),
                            O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(parent_fd);
    }
    *out = folder;
    return folder->fd >= 0;
}

/* The files stand in `out` as names below their folder, which is held open: what is linked later is what was judged here. */
static bool run_hold_file(struct task *t, const struct run *r, str resolved, str shown,
                          struct str_list *out)
{
    struct run_folder *folder;
    struct stat facts;
    str path, name;

    if (!run_is_fenced(t, r, resolved)) {
        task_fail(t, ERR_REFUSED, "%.*s lies outside the roots for sources", STR_ARG(shown));
        return task_hint(t, "an administrator lists roots in mesh.yaml under sources.roots");
    }
    (void)str_cut_last(resolved, '/', &path, &name);
    if (!run_open_folder(t, path, &folder)
        || fstatat(folder->fd, arena_c_string(t->mem, name), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
        return task_fail_errno(t, ERR_SOURCE, "%.*s cannot be read", STR_ARG(shown));
    }
    if (!S_ISREG(facts.st_mode)) {
        return task_fail(t, ERR_SOURCE, "%.*s is not a file", STR_ARG(shown));
    }
    vec_push(t->mem, out, arena_format(t->mem, "/proc/self/fd/%d/%.*s", folder->fd, STR_ARG(name)));
    return true;
}

bool run_source_files(struct task *t, const struct run *r, const struct source_server *server,
                      str table, struct str_list *out)
{
    glob_t *found = ARENA_NEW(t->mem, glob_t);
    str shown = source_table_location(t->mem, server->server->location, table);
    str pattern = run_absolute(t, r, source_table_location(t->mem, server->location, table));
    struct str_list files = {0};

    if (!run_may_look(t, r, pattern)) {
        task_fail(t, ERR_REFUSED, "%.*s lies outside the roots for sources", STR_ARG(shown));
        return task_hint(t, "an administrator lists roots in mesh.yaml under sources.roots");
    }
    if (glob(arena_c_string(t->mem, pattern), GLOB_NOSORT | GLOB_ERR, NULL, found) != 0) {
        globfree(found);
        task_fail(t, ERR_SOURCE, "no file matches %.*s", STR_ARG(shown));
        return task_hint(t, "locations are relative to the folder of the mesh");
    }
    arena_defer(t->mem, run_free_glob, found);
    if (found->gl_pathc > RUN_SOURCE_FILES_MAX) {
        return task_fail(t, ERR_LIMIT, "%zu files match %.*s, and at most %d are read",
                         (size_t)found->gl_pathc, STR_ARG(shown), RUN_SOURCE_FILES_MAX);
    }
    for (size_t i = 0; i < found->gl_pathc; i++) {
        str resolved;

        if (!run_resolve(t, found->gl_pathv[i], &resolved)) {
            return task_fail_errno(t, ERR_SOURCE, "%.*s cannot be read", STR_ARG(shown));
        }
        vec_push(t->mem, &files, resolved);
    }
    str_list_sort(&files);
    for (size_t i = 0; i < files.len; i++) {
        if (!run_hold_file(t, r, files.at[i], shown, out)) {
            return false;
        }
    }
    return true;
}

struct run_scope {
    struct task *t;
    const struct model *model;
    str domain;
    str home;
};

static str run_upper(struct arena *mem, str s)
{
    str copy = arena_str(mem, s);

    for (size_t i = 0; i < copy.len; i++) {
        char c = copy.ptr[i];
        ((char *)(uintptr_t)copy.ptr)[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    return copy;
}

/* `NAME=value` lines of `<home>/secrets/<domain>`; a file that others can read is as good as none. */
static bool run_secret_file(struct run_scope *scope, str name, str *value_out)
{
    struct arena *mem = scope->t->mem;
    str path = arena_format(mem, "%.*s/secrets/%.*s", STR_ARG(scope->home), STR_ARG(scope->domain));
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat facts;
    char *text = ARENA_ARRAY(mem, char, PATH_BYTES_MAX * 4);
    ssize_t len = -1;

    if (fd < 0) {
        return false;
    }
    if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && (facts.st_mode & 077) == 0) {
        len = read(fd, text, PATH_BYTES_MAX * 4);
    }
    close(fd);
    str rest = {text, len > 0 ? (size_t)len : 0}, line;
    while (rest.len > 0) {
        str key, value;

        (void)str_cut(rest, '\n', &line, &rest);
        if (str_cut(line, '=', &key, &value) && str_eq(str_trim(key), name)) {
            *value_out = str_trim(value);
            return true;
        }
    }
    return false;
}

static str run_variable(struct arena *mem, str domain, str name)
{
    return arena_format(mem, "WEFT_SECRET_%.*s_%.*s", STR_ARG(run_upper(mem, domain)),
                        STR_ARG(name));
}

/* WEFT_SECRET_SALES_EU_KEY is KEY of domain sales_eu where there is one, and EU_KEY of sales where there is none. */
static bool run_is_of_other(const struct run_scope *scope, str variable)
{
    for (size_t i = 0; i < scope->model->domains.len; i++) {
        str other = scope->model->domains.at[i]->name;

        if (other.len > scope->domain.len
            && str_starts(variable, run_variable(scope->t->mem, other, STR_NONE))) {
            return true;
        }
    }
    return false;
}

static bool run_find_secret(void *state, str name, str *value_out)
{
    struct run_scope *scope = state;
    str variable = run_variable(scope->t->mem, scope->domain, name);
    const char *value = run_is_of_other(scope, variable) ? NULL : getenv(variable.ptr);

    if (value != NULL) {
        *value_out = str_of(value);
        return true;
    }
    return run_secret_file(scope, name, value_out);
}

void run_secrets(struct task *t, const struct run *r, struct source_secrets *out)
{
    struct run_scope *scope = ARENA_NEW(t->mem, struct run_scope);

    scope->t = t;
    scope->model = r->image->model;
    scope->domain = r->target->definition->domain->name;
    scope->home = r->services->home;
    *out = (struct source_secrets){.state = scope, .find = run_find_secret};
}
