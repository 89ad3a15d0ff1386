/* One thread and one epoll for all that waits: listeners, idle connections, and hang-ups of
 * connections at work. */
#ifndef WEFT_STREAM_IDLE_H
#define WEFT_STREAM_IDLE_H

#include "stream/stream.h"

struct stream_idle;

enum stream_wake {
    STREAM_WAKE_READABLE, /* bytes or the end are there */
    STREAM_WAKE_TIMEOUT,  /* its deadline passed */
    STREAM_WAKE_CLOSING   /* stream_idle_release was called */
};

/* Starts the thread. */
MUST_CHECK bool stream_idle_open(struct task *t, struct stream_idle **out);
/* Gives back every parked stream with STREAM_WAKE_CLOSING; one that is parked later comes back at
 * once, in the caller's thread. */
void stream_idle_release(struct stream_idle *idle);
/* Releases, ends the thread and frees; by then nobody else may use it. NULL is allowed. */
void stream_idle_close(struct stream_idle *idle);

/* `ready(item, why)` is called once, by the thread, and owns the item from then on: it must hand it
 * on and not block. With deadline_ms 0 it waits for ever. */
void stream_idle_park(struct stream_idle *idle, struct stream *s, int64_t deadline_ms,
                      void (*ready)(void *item, enum stream_wake why), void *item);

/* `accepted(state, stream)` is called by the thread for each connection, and owns the stream. */
void stream_idle_listen(struct stream_idle *idle, struct stream_listener *listener,
                        void (*accepted)(void *state, struct stream *s), void *state);
/* After it returns, `accepted` of this listener neither runs nor will. Not from within it. */
void stream_idle_unlisten(struct stream_idle *idle, struct stream_listener *listener);

/* `gone(item)` is called at most once, by the thread, when the other side hangs up: it must be
 * quick, and call nothing of this module. The id goes to stream_idle_unwatch, after which `gone`
 * neither runs nor will; 0 goes there too, and does nothing. */
uint64_t stream_idle_watch(struct stream_idle *idle, struct stream *s, void (*gone)(void *item),
                           void *item);
void stream_idle_unwatch(struct stream_idle *idle, uint64_t id);

#endif
