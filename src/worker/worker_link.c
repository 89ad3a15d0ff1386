#include "worker_link.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "limits/limits.h"
#include "log/log.h"

enum {
    BODY_BYTES_KEPT = 1024 * 1024, /* a larger body gives its memory back */
    EXIT_PROTOCOL = 76,
};

void worker_link_init(struct worker_link *link, int fd)
{
    *link = (struct worker_link){.fd = fd};
    CHECK(pthread_mutex_init(&link->lock, NULL) == 0);
    CHECK(pthread_cond_init(&link->changed, NULL) == 0);
    buf_init(&link->body, FRAME_BYTES_MAX);
    atomic_init(&link->is_cancelled, false);
}

/* Without a word to the engine's threads: nothing here outlives the server, and nothing is worth saving. */
static _Noreturn void end(int status)
{
    _exit(status);
}

static void receive(struct worker_link *link, void *into, size_t len)
{
    char *at = into;
    while (len) {
        ssize_t got = recv(link->fd, at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            end(0);
        at += got;
        len -= (size_t)got;
    }
}

/* The server sends the next request when it has the answer to the last, which may still be cleaned up. */
static void receive_request(struct worker_link *link, enum frame_kind kind, uint32_t len)
{
    pthread_mutex_lock(&link->lock);
    while (link->is_busy || link->is_waiting)
        pthread_cond_wait(&link->changed, &link->lock);
    pthread_mutex_unlock(&link->lock);
    /* Nobody else looks at the body now. */
    buf_clear(&link->body);
    char *room = buf_room(&link->body, len);
    CHECK(room != NULL);
    receive(link, room, len);
    link->body.len = len;
    pthread_mutex_lock(&link->lock);
    link->kind = kind;
    link->is_waiting = true;
    atomic_store(&link->is_cancelled, false);
    pthread_cond_broadcast(&link->changed);
    pthread_mutex_unlock(&link->lock);
}

static void receive_cancel(struct worker_link *link)
{
    pthread_mutex_lock(&link->lock);
    if (link->is_waiting || link->is_busy)
        atomic_store(&link->is_cancelled, true);
    if (link->is_busy)
        link->interrupt(link->state);
    pthread_mutex_unlock(&link->lock);
}

_Noreturn void worker_link_read(struct worker_link *link)
{
    for (;;) {
        unsigned char header[FRAME_HEADER_BYTES];
        enum frame_kind kind;
        uint32_t len;
        receive(link, header, sizeof header);
        if (!frame_read_header(header, &kind, &len))
            end(EXIT_PROTOCOL);
        switch ((int)kind) {
        case FRAME_PARSE:
        case FRAME_JOB:
            receive_request(link, kind, len);
            break;
        case FRAME_CANCEL:
        case FRAME_QUIT:
            if (len) {
                log_event(LOG_ERROR, "worker", NULL, "a frame with a body that has none");
                end(EXIT_PROTOCOL);
            }
            if (kind == FRAME_QUIT)
                end(0);
            receive_cancel(link);
            break;
        default:
            log_event(LOG_ERROR, "worker", NULL, "the server sent a frame of kind %d", (int)kind);
            end(EXIT_PROTOCOL);
        }
    }
}

void worker_link_take(struct worker_link *link, struct frame *out)
{
    pthread_mutex_lock(&link->lock);
    while (!link->is_waiting)
        pthread_cond_wait(&link->changed, &link->lock);
    link->is_waiting = false;
    link->is_busy = true;
    *out = (struct frame){link->kind, buf_str(&link->body)};
    pthread_mutex_unlock(&link->lock);
}

void worker_link_finish(struct worker_link *link)
{
    pthread_mutex_lock(&link->lock);
    link->is_busy = false;
    if (link->body.cap > BODY_BYTES_KEPT)
        buf_free(&link->body);
    pthread_cond_broadcast(&link->changed);
    pthread_mutex_unlock(&link->lock);
}

void worker_link_send(struct worker_link *link, const struct buf *frames)
{
    const char *at = frames->ptr;
    size_t len = frames->len;
    while (len) {
        ssize_t sent = send(link->fd, at, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            end(0);
        at += sent;
        len -= (size_t)sent;
    }
}
