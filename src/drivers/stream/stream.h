/* Sockets with deadlines: listen, connect, read, write, who is on the other side, and whether it is
 * still there. */
#ifndef WEFT_STREAM_H
#define WEFT_STREAM_H

#include <sys/types.h>

#include "task/task.h"

/* Opaque, so that an encrypted stream can have the same face. Owned by who opened or accepted. */
struct stream;
struct stream_listener;

struct stream_peer {
    bool is_unix;
    uint32_t uid;     /* of a unix socket, from the kernel */
    int32_t pid;      /* of a unix socket, when it connected */
    char address[64]; /* "127.0.0.1:40312", "[::1]:40312" or "unix" */
};

/* `HOST:PORT`, `[IPV6]:PORT`; an empty host is 127.0.0.1, port 0 lets the kernel choose. ERR_CONFIG
 * when taken or malformed. */
MUST_CHECK bool stream_listen_tcp(struct task *t, str address, struct stream_listener **out);
/* A socket file of mode 0600 from its first instant. One that nobody listens on is replaced; one
 * that is alive is ERR_BUSY. Paths may be longer than the kernel's 107 bytes. */
MUST_CHECK bool stream_listen_unix(struct task *t, str path, struct stream_listener **out);
/* `HOST:PORT` with the port in use, or the path. Lives as long as the listener. */
str stream_listener_address(const struct stream_listener *listener);
int stream_listener_fd(const struct stream_listener *listener);
/* Removes the socket file too, if it is still ours. NULL is allowed. */
void stream_listener_close(struct stream_listener *listener);

/* Waits for a connection until the task's deadline or cancel. */
MUST_CHECK bool stream_accept(struct task *t, struct stream_listener *listener,
                              struct stream **out);
/* Never waits: NULL when nobody is there; `errno` tells why. */
struct stream *stream_accept_now(struct stream_listener *listener);
/* ERR_UNREACHABLE, or the task's TIMEOUT and CANCELLED. */
MUST_CHECK bool stream_connect_tcp(struct task *t, str address, struct stream **out);
MUST_CHECK bool stream_connect_unix(struct task *t, str path, struct stream **out);
/* Of any connected socket; the stream owns it. */
struct stream *stream_of_fd(int fd);
/* NULL is allowed. */
void stream_close(struct stream *s);
/* Close that the other side sees as a failure (a reset), where the kernel can say so. */
void stream_close_hard(struct stream *s);

/* Reads and writes end at this instant of the monotonic clock, or at the task's deadline if that is
 * sooner; 0 is none. */
void stream_set_deadline(struct stream *s, int64_t deadline_ms);
/* Some bytes, at least one; 0 in `len_out` is the end. ERR_TIMEOUT, ERR_CANCELLED (the task's, or
 * the other side is gone). */
MUST_CHECK bool stream_read(struct task *t, struct stream *s, void *out, size_t most,
                            size_t *len_out);
/* All of `len` bytes; the end before them is ERR_CANCELLED. */
MUST_CHECK bool stream_read_exact(struct task *t, struct stream *s, void *out, size_t len);
/* Some bytes of what is there now; -1 when there is nothing, 0 at the end. */
ssize_t stream_read_now(struct stream *s, void *out, size_t most);
/* All bytes. Never raises SIGPIPE. */
MUST_CHECK bool stream_write(struct task *t, struct stream *s, str bytes);
/* All bytes of up to 8 parts, as one write where the kernel takes it. */
MUST_CHECK bool stream_write_parts(struct task *t, struct stream *s, const str *parts, size_t len);
/* What fits now, without waiting; for farewells. */
void stream_write_now(struct stream *s, str bytes);
/* No more bytes will be written; the other side reads an end. */
void stream_finish(struct stream *s);
/* True when the other side has closed, half-closed or broken off. Consumes nothing, waits for
 * nothing. */
bool stream_is_gone(const struct stream *s);
const struct stream_peer *stream_peer(const struct stream *s);
int stream_fd(const struct stream *s);

/* A path that fits into a socket address: `path` itself, or a way through /proc/self/fd that holds
 * while the descriptor in `folder_out` (-1 when not needed) stays open: the caller closes it. */
enum { STREAM_PATH_BYTES = 108 };
MUST_CHECK bool stream_short_path(struct task *t, str path, char out[STREAM_PATH_BYTES],
                                  int *folder_out);

#endif
