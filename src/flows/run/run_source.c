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

static void run_free_addresses(void *handle)
{
    freeaddrinfo(handle);
}

static str run_address_text(struct task *t, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (address->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, text, sizeof(text));
    } else if (address->sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, text, sizeof(text));
    }
    return arena_str(t->mem, str_of(text));
}

/* Loopback, link-local (metadata services live there), multicast and unspecified addresses are reached by their own
 * number in the list only: a name of the outside must not lead inside. */
static bool run_is_inside(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        uint32_t number = ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr);
        return number >> 24 == 127 || number >> 16 == 0xa9fe || number >> 28 >= 14 || number >> 24 == 0;
    }
    const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(six) || IN6_IS_ADDR_LINKLOCAL(six) || IN6_IS_ADDR_MULTICAST(six) ||
           IN6_IS_ADDR_UNSPECIFIED(six) || IN6_IS_ADDR_V4MAPPED(six);
}

static str run_host_entry(struct task *t, str host, str port)
{
    return str_has(host, ':') ? arena_format(t->mem, "[%.*s]:%.*s", STR_ARG(host), STR_ARG(port))
                              : arena_format(t->mem, "%.*s:%.*s", STR_ARG(host), STR_ARG(port));
}

bool run_reach(struct task *t, const struct run *r, str host, str listen_port, str *address_out, uint16_t *port_out)
{
    const struct str_list *hosts = &r->image->model->mesh.source_hosts;
    str entry = run_host_entry(t, host, listen_port);
    struct addrinfo *found = NULL, hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    uint64_t number;

    if (!str_to_u64(listen_port, &number) || number == 0 || number > 65535) {
        return task_fail(t, ERR_INVALID, "the source's port is not a number from 1 to 65535");
    }
    if (!str_list_has(hosts, entry)) {
        task_fail(t, ERR_REFUSED, "the source host %.*s is not listed in mesh.yaml", STR_ARG(entry));
        return task_hint(t, "an administrator adds it to sources.hosts");
    }
    int status = getaddrinfo(arena_c_string(t->mem, host), NULL, &hints, &found);
    if (status != 0) {
        return task_fail(t, ERR_SOURCE, "the source host %.*s cannot be resolved: %s", STR_ARG(host),
                         gai_strerror(status));
    }
    arena_defer(t->mem, run_free_addresses, found);
    for (struct addrinfo *a = found; a != NULL; a = a->ai_next) {
        str address = run_address_text(t, a->ai_addr);

        if (run_is_inside(a->ai_addr) && !str_list_has(hosts, run_host_entry(t, address, listen_port))) {
            continue;
        }
        *address_out = address;
        *port_out = (uint16_t)number;
        return true;
    }
    task_fail(t, ERR_REFUSED, "the source host %.*s resolves to an address of this machine or of its link only",
              STR_ARG(host));
    return task_hint(t, "list the address itself in sources.hosts if that is meant");
}

/* True when `path` is `root` or lies below it; both are resolved. */
static bool run_is_below(str path, str root)
{
    return str_starts(path, root) && (path.len == root.len || path.ptr[root.len] == '/');
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

    for (size_t i = 0; i < roots->len; i++) {
        str root = roots->at[i], resolved;

        if (root.len == 0 || root.ptr[0] != '/') {
            root = arena_format(t->mem, "%.*s/%.*s", STR_ARG(r->services->folder), STR_ARG(root));
        }
        if (run_resolve(t, arena_c_string(t->mem, root), &resolved) && run_is_below(path, resolved)) {
            /* The home itself lies beside the mesh: never a source, whatever the roots say. */
            return !run_is_below(path, r->services->home);
        }
    }
    return false;
}

static str run_table_location(struct task *t, str location, str table)
{
    struct buf *b = buf_new(t->mem, PATH_BYTES_MAX);
    size_t at = str_find(location, STR("{table}"));

    buf_add(b, str_sub(location, 0, at));
    if (at < location.len) {
        buf_add(b, table);
        buf_add(b, str_from(location, at + sizeof("{table}") - 1));
    }
    return buf_str(b);
}

bool run_source_files(struct task *t, const struct run *r, str location, str table, struct str_list *out)
{
    glob_t *found = ARENA_NEW(t->mem, glob_t);
    str wanted = run_table_location(t, location, table), pattern;

    pattern = wanted.len && wanted.ptr[0] == '/'
                  ? wanted
                  : arena_format(t->mem, "%.*s/%.*s", STR_ARG(r->services->folder), STR_ARG(wanted));
    if (glob(arena_c_string(t->mem, pattern), GLOB_NOSORT | GLOB_ERR, NULL, found) != 0) {
        globfree(found);
        task_fail(t, ERR_SOURCE, "no file matches %.*s", STR_ARG(wanted));
        return task_hint(t, "locations are relative to the folder of the mesh");
    }
    arena_defer(t->mem, run_free_glob, found);
    for (size_t i = 0; i < found->gl_pathc; i++) {
        struct stat facts;
        str resolved;

        if (!run_resolve(t, found->gl_pathv[i], &resolved) || stat(found->gl_pathv[i], &facts) != 0) {
            return task_fail_errno(t, ERR_SOURCE, "%s cannot be read", found->gl_pathv[i]);
        }
        if (!run_is_fenced(t, r, resolved)) {
            task_fail(t, ERR_REFUSED, "%.*s lies outside the roots for sources", STR_ARG(wanted));
            return task_hint(t, "an administrator lists roots in mesh.yaml under sources.roots");
        }
        if (!S_ISREG(facts.st_mode)) {
            return task_fail(t, ERR_SOURCE, "%.*s is not a file", STR_ARG(wanted));
        }
        vec_push(t->mem, out, resolved);
    }
    str_list_sort(out);
    return true;
}

struct run_scope {
    struct task *t;
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

static bool run_find_secret(void *state, str name, str *value_out)
{
    struct run_scope *scope = state;
    str variable = arena_format(scope->t->mem, "WEFT_SECRET_%.*s_%.*s",
                                STR_ARG(run_upper(scope->t->mem, scope->domain)), STR_ARG(name));
    const char *value = getenv(variable.ptr);

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
    scope->domain = r->target->definition->domain->name;
    scope->home = r->services->home;
    *out = (struct source_secrets){.state = scope, .find = run_find_secret};
}
