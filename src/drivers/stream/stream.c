#include "stream/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock/clock.h"

enum { POLL_SLICE_MS = 50, PARTS_MAX = 8 };

struct stream {
    int fd;
    int64_t deadline_ms;
    struct stream_peer peer;
};

static void fill_peer(struct stream *s)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    } name;
    memset(&name, 0, sizeof(name));
    socklen_t len = sizeof(name);
    char text[INET6_ADDRSTRLEN] = "";
    if (getpeername(s->fd, &name.any, &len) != 0)
        return;
    switch (name.any.sa_family) {
    case AF_UNIX: {
        struct ucred who = {.pid = -1, .uid = UINT32_MAX};
        socklen_t who_len = sizeof(who);
        /* Without credentials the peer stays nobody: uid (uid_t)-1 is never a user. */
        if (getsockopt(s->fd, SOL_SOCKET, SO_PEERCRED, &who, &who_len) != 0)
            who = (struct ucred){.pid = -1, .uid = UINT32_MAX};
        s->peer.is_unix = true;
        s->peer.uid = who.uid;
        s->peer.pid = who.pid;
        snprintf(s->peer.address, sizeof(s->peer.address), "unix");
        break;
    }
    case AF_INET:
        inet_ntop(AF_INET, &name.v4.sin_addr, text, sizeof(text));
        snprintf(s->peer.address, sizeof(s->peer.address), "%s:%u", text, ntohs(name.v4.sin_port));
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, &name.v6.sin6_addr, text, sizeof(text));
        snprintf(s->peer.address, sizeof(s->peer.address), "[%s]:%u", text,
                 ntohs(name.v6.sin6_port));
        break;
    default:
        break;
    }
}

struct stream *stream_of_fd(int fd)
{
    struct stream *s = calloc(1, sizeof(*s));
    CHECK(s != NULL);
    s->fd = fd;
    s->peer.uid = UINT32_MAX;
    s->peer.pid = -1;
    fill_peer(s);
    if (!s->peer.is_unix) {
        int on = 1;
        /* Answers are written whole; waiting to fill a segment would only add 40 ms. */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    return s;
}

void stream_close(struct stream *s)
{
    if (s == NULL)
        return;
    close(s->fd);
    free(s);
}

void stream_close_hard(struct stream *s)
{
    if (s == NULL)
        return;
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    stream_close(s);
}

void stream_set_deadline(struct stream *s, int64_t deadline_ms)
{
    s->deadline_ms = deadline_ms;
}

/* Waits in slices, because a cancel flag cannot wake poll. */
static bool wait_for(struct task *t, const struct stream *s, short events, const char *what)
{
    for (;;) {
        if (!task_go_on(t))
            return false;
        int wait_ms = task_left_ms(t, POLL_SLICE_MS);
        if (s->deadline_ms != 0) {
            int64_t left = s->deadline_ms - clock_monotonic_ms();
            if (left <= 0)
                return task_fail(t, ERR_TIMEOUT, "the other side took too long to %s", what);
            if (left < wait_ms)
                wait_ms = (int)left;
        }
        struct pollfd p = {.fd = s->fd, .events = events};
        int n = poll(&p, 1, wait_ms);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return task_fail_errno(t, ERR_IO, "cannot wait for a connection");
    }
}

static bool is_hang_up(int error)
{
    return error == EPIPE || error == ECONNRESET || error == ENOTCONN || error == ETIMEDOUT
        || error == EHOSTUNREACH || error == ENETUNREACH;
}

bool stream_read(struct task *t, struct stream *s, void *out, size_t most, size_t *len_out)
{
    for (;;) {
        ssize_t n = recv(s->fd, out, most, MSG_DONTWAIT);
        if (n >= 0) {
            *len_out = (size_t)n;
            return true;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!wait_for(t, s, POLLIN, "send"))
                return false;
        } else if (is_hang_up(errno)) {
            return task_fail(t, ERR_CANCELLED, "the other side has broken off");
        } else if (errno != EINTR) {
            return task_fail_errno(t, ERR_IO, "cannot read from a connection");
        }
    }
}

bool stream_read_exact(struct task *t, struct stream *s, void *out, size_t len)
{
    char *at = out;
    while (len > 0) {
        size_t n = 0;
        if (!stream_read(t, s, at, len, &n))
            return false;
        if (n == 0)
            return task_fail(t, ERR_CANCELLED, "the other side has closed the connection");
        at += n;
        len -= n;
    }
    return true;
}

ssize_t stream_read_now(struct stream *s, void *out, size_t most)
{
    ssize_t n = 0;
    do {
        n = recv(s->fd, out, most, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
        return 0;
    return n;
}

bool stream_write(struct task *t, struct stream *s, str bytes)
{
    return stream_write_parts(t, s, &bytes, 1);
}

bool stream_write_parts(struct task *t, struct stream *s, const str *parts, size_t len)
{
    struct iovec list[PARTS_MAX];
    size_t count = 0;
    CHECK(len <= PARTS_MAX);
    for (size_t i = 0; i < len; i++)
        if (parts[i].len > 0)
            list[count++] = (struct iovec){.iov_base = (void *)(uintptr_t)parts[i].ptr,
                                           .iov_len = parts[i].len};
    struct iovec *at = list;
    while (count > 0) {
        struct msghdr message = {.msg_iov = at, .msg_iovlen = count};
        ssize_t n = sendmsg(s->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (!wait_for(t, s, POLLOUT, "read"))
                return false;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && is_hang_up(errno))
            return task_fail(t, ERR_CANCELLED, "the other side has closed the connection");
        if (n < 0)
            return task_fail_errno(t, ERR_IO, "cannot write to a connection");
        size_t written = (size_t)n;
        while (count > 0 && written >= at->iov_len) {
            written -= at->iov_len;
            at++;
            count--;
        }
        if (count > 0) {
            at->iov_base = (char *)at->iov_base + written;
            at->iov_len -= written;
        }
    }
    return true;
}

void stream_write_now(struct stream *s, str bytes)
{
    if (send(s->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return; /* A farewell that does not fit is not said. */
}

void stream_finish(struct stream *s)
{
    shutdown(s->fd, SHUT_WR);
}

bool stream_is_gone(const struct stream *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

const struct stream_peer *stream_peer(const struct stream *s)
{
    return &s->peer;
}

int stream_fd(const struct stream *s)
{
    return s->fd;
}
