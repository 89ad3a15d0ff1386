/* How streams come to be: names of addresses, listening, accepting, connecting. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock/clock.h"
#include "limits/limits.h"
#include "stream/stream.h"

enum { BACKLOG = 256, CONNECT_SLICE_MS = 50 };

struct stream_listener {
    int fd;
    bool is_unix;
    dev_t device; /* of the socket file */
    ino_t inode;
    size_t address_len;
    char address[]; /* with a NUL behind it */
};

static struct stream_listener *listener_new(int fd, str address)
{
    struct stream_listener *listener = calloc(1, sizeof(*listener) + address.len + 1);
    CHECK(listener != NULL);
    listener->fd = fd;
    listener->address_len = address.len;
    memcpy(listener->address, address.ptr, address.len);
    return listener;
}

/* Splits `HOST:PORT`; the host loses its brackets, and 127.0.0.1 stands for an empty one. */
static bool split_address(struct task *t, str address, const char **host_out,
                          const char **number_out)
{
    str host = STR_NONE;
    str number = STR_NONE;
    uint64_t value = 0;
    if (!str_cut_last(address, ':', &host, &number) || !str_to_u64(number, &value)
        || value > 65535) {
        task_fail(t, ERR_CONFIG, "`" STR_FMT "` is no network address", STR_ARG(address));
        return task_hint(t, "write HOST:PORT, for example 127.0.0.1:8080");
    }
    if (str_starts(host, STR("[")) && str_ends(host, STR("]")))
        host = str_sub(host, 1, host.len - 2);
    *host_out = host.len > 0 ? arena_c_string(t->mem, host) : "127.0.0.1";
    *number_out = arena_c_string(t->mem, number);
    return true;
}

static void free_addresses(void *list)
{
    freeaddrinfo(list);
}

static bool resolve(struct task *t, str address, bool for_listening, enum error_code code,
                    struct addrinfo **out)
{
    const char *host = NULL;
    const char *number = NULL;
    if (!split_address(t, address, &host, &number))
        return false;
    struct addrinfo wish = {
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICSERV | (for_listening ? AI_PASSIVE : 0),
    };
    int status = getaddrinfo(host, number, &wish, out);
    if (status != 0)
        return task_fail(t, code, "cannot resolve `%s`: %s", host, gai_strerror(status));
    arena_defer(t->mem, free_addresses, *out);
    return true;
}

static str text_of_name(struct arena *mem, int fd, str asked)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } name;
    memset(&name, 0, sizeof(name));
    socklen_t len = sizeof(name);
    str host = STR_NONE;
    str number = STR_NONE;
    if (getsockname(fd, &name.any, &len) != 0 || !str_cut_last(asked, ':', &host, &number))
        return asked;
    unsigned used = ntohs(name.any.sa_family == AF_INET6 ? name.v6.sin6_port : name.v4.sin_port);
    if (host.len == 0)
        host = STR("127.0.0.1");
    return arena_format(mem, STR_FMT ":%u", STR_ARG(host), used);
}

bool stream_listen_tcp(struct task *t, str address, struct stream_listener **out)
{
    struct addrinfo *list = NULL;
    if (!resolve(t, address, true, ERR_CONFIG, &list))
        return false;
    int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return task_fail_errno(t, ERR_CONFIG, "cannot make a socket");
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, list->ai_addr, list->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        bool is_taken = errno == EADDRINUSE;
        task_fail_errno(t, ERR_CONFIG, "cannot listen on " STR_FMT, STR_ARG(address));
        if (is_taken)
            task_hint(t, "stop the program that listens there, or choose port 0 for a free one");
        close(fd);
        return false;
    }
    *out = listener_new(fd, text_of_name(t->mem, fd, address));
    return true;
}

bool stream_short_path(struct task *t, str path, char out[STREAM_PATH_BYTES], int *folder_out)
{
    *folder_out = -1;
    if (path.len == 0 || path.len > PATH_BYTES_MAX || str_has(path, '\0'))
        return task_fail(t, ERR_CONFIG, "`" STR_FMT "` is no path for a socket", STR_ARG(path));
    if (path.len < STREAM_PATH_BYTES) {
        memcpy(out, path.ptr, path.len);
        out[path.len] = '\0';
        return true;
    }
    str folder = STR_NONE;
    str name = STR_NONE;
    if (!str_cut_last(path, '/', &folder, &name) || name.len == 0 || name.len > 64)
        return task_fail(t, ERR_CONFIG, "`" STR_FMT "` is too long for a socket", STR_ARG(path));
    int fd = open(folder.len > 0 ? arena_c_string(t->mem, folder) : "/",
                  O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return task_fail_errno(t, ERR_UNREACHABLE, "cannot open the folder " STR_FMT,
                               STR_ARG(folder));
    snprintf(out, STREAM_PATH_BYTES, "/proc/self/fd/%d/" STR_FMT, fd, STR_ARG(name));
    *folder_out = fd;
    return true;
}

static void set_unix_name(struct sockaddr_un *name, const char path[STREAM_PATH_BYTES])
{
    _Static_assert(sizeof(name->sun_path) == STREAM_PATH_BYTES, "a socket path of Linux");
    memset(name, 0, sizeof(*name));
    name->sun_family = AF_UNIX;
    memcpy(name->sun_path, path, strlen(path));
}

/* True when nobody listens behind the socket file, so that it may be replaced. */
static bool is_stale(const struct sockaddr_un *name)
{
    struct stat found;
    if (lstat(name->sun_path, &found) != 0 || !S_ISSOCK(found.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool refused =
        connect(fd, (const struct sockaddr *)name, sizeof(*name)) != 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static bool bind_unix(struct task *t, int fd, const struct sockaddr_un *name, str path)
{
    /* Before bind the mode of the socket itself is what its file will get: no instant with a wider
     * one. */
    if (fchmod(fd, S_IRUSR | S_IWUSR) != 0)
        return task_fail_errno(t, ERR_CONFIG, "cannot restrict the socket " STR_FMT, STR_ARG(path));
    const struct sockaddr *address = (const struct sockaddr *)name;
    if (bind(fd, address, sizeof(*name)) == 0)
        return true;
    if (errno != EADDRINUSE)
        return task_fail_errno(t, ERR_CONFIG, "cannot make the socket " STR_FMT, STR_ARG(path));
    if (!is_stale(name)) {
        task_fail(t, ERR_BUSY, STR_FMT " is in use", STR_ARG(path));
        return task_hint(t, "another server listens there, or the file is no socket");
    }
    if (unlink(name->sun_path) != 0 || bind(fd, address, sizeof(*name)) != 0)
        return task_fail_errno(t, ERR_CONFIG, "cannot replace the socket " STR_FMT, STR_ARG(path));
    return true;
}

bool stream_listen_unix(struct task *t, str path, struct stream_listener **out)
{
    char usable[STREAM_PATH_BYTES];
    int folder = -1;
    if (!stream_short_path(t, path, usable, &folder))
        return false;
    struct sockaddr_un name;
    set_unix_name(&name, usable);
    struct stat made;
    bool ok = false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        task_fail_errno(t, ERR_CONFIG, "cannot make a socket");
    else if (!bind_unix(t, fd, &name, path))
        ok = false;
    else if (listen(fd, BACKLOG) != 0 || lstat(usable, &made) != 0)
        task_fail_errno(t, ERR_CONFIG, "cannot listen on " STR_FMT, STR_ARG(path));
    else
        ok = true;
    if (folder >= 0)
        close(folder);
    if (!ok) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    *out = listener_new(fd, path);
    (*out)->is_unix = true;
    (*out)->device = made.st_dev;
    (*out)->inode = made.st_ino;
    return true;
}

str stream_listener_address(const struct stream_listener *listener)
{
    return (str){listener->address, listener->address_len};
}

int stream_listener_fd(const struct stream_listener *listener)
{
    return listener->fd;
}

void stream_listener_close(struct stream_listener *listener)
{
    if (listener == NULL)
        return;
    struct stat found;
    /* A server that came after us may have put its own socket there. */
    if (listener->is_unix && lstat(listener->address, &found) == 0
        && found.st_dev == listener->device && found.st_ino == listener->inode)
        unlink(listener->address);
    close(listener->fd);
    free(listener);
}

struct stream *stream_accept_now(struct stream_listener *listener)
{
    int fd = -1;
    do {
        fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    return fd < 0 ? NULL : stream_of_fd(fd);
}

bool stream_accept(struct task *t, struct stream_listener *listener, struct stream **out)
{
    for (;;) {
        *out = stream_accept_now(listener);
        if (*out != NULL)
            return true;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            return task_fail_errno(t, ERR_IO, "cannot accept a connection");
        if (!task_go_on(t))
            return false;
        struct pollfd p = {.fd = listener->fd, .events = POLLIN};
        poll(&p, 1, task_left_ms(t, CONNECT_SLICE_MS));
    }
}

static bool unreachable(struct task *t, str address)
{
    task_fail_errno(t, ERR_UNREACHABLE, "cannot connect to " STR_FMT, STR_ARG(address));
    return task_hint(t, "is the server running, and is this its address?");
}

static bool finish_connect(struct task *t, int fd, str address)
{
    for (;;) {
        if (!task_go_on(t))
            return false;
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        if (poll(&p, 1, task_left_ms(t, CONNECT_SLICE_MS)) <= 0)
            continue;
        int error = 0;
        socklen_t len = sizeof(error);
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
        errno = error;
        return error == 0 ? true : unreachable(t, address);
    }
}

static bool connect_to(struct task *t, int family, const struct sockaddr *name, socklen_t len,
                       str address, struct stream **out)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot make a socket");
    bool ok = true;
    /* A unix socket whose backlog is full says EAGAIN instead of waiting. */
    while (ok && connect(fd, name, len) != 0 && errno != EISCONN) {
        if (errno == EINPROGRESS) {
            ok = finish_connect(t, fd, address);
            break;
        }
        if (errno == EAGAIN || errno == EINTR) {
            ok = task_go_on(t);
            if (ok)
                poll(NULL, 0, 1);
        } else {
            ok = unreachable(t, address);
        }
    }
    if (!ok) {
        close(fd);
        return false;
    }
    *out = stream_of_fd(fd);
    return true;
}

bool stream_connect_tcp(struct task *t, str address, struct stream **out)
{
    struct addrinfo *list = NULL;
    if (!resolve(t, address, false, ERR_UNREACHABLE, &list))
        return false;
    for (struct addrinfo *at = list; at != NULL; at = at->ai_next) {
        task_clear_error(t);
        if (connect_to(t, at->ai_family, at->ai_addr, at->ai_addrlen, address, out))
            return true;
        if (t->err.code != ERR_UNREACHABLE)
            return false;
    }
    return false;
}

bool stream_connect_unix(struct task *t, str path, struct stream **out)
{
    char usable[STREAM_PATH_BYTES];
    int folder = -1;
    if (!stream_short_path(t, path, usable, &folder))
        return false;
    struct sockaddr_un name;
    set_unix_name(&name, usable);
    bool ok = connect_to(t, AF_UNIX, (const struct sockaddr *)&name, sizeof(name), path, out);
    if (folder >= 0)
        close(folder);
    return ok;
}
