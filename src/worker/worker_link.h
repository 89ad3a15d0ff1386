/* The socket to the server: one thread reads it all the time, so that a cancel or the server's end is seen while the engine works. */
#ifndef WEFT_WORKER_LINK_H
#define WEFT_WORKER_LINK_H

#include <pthread.h>

#include "frame/frame.h"

struct worker_link {
    int fd;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_waiting; /* a request lies in `body` and was not taken yet */
    bool is_busy;    /* a request is being worked on */
    enum frame_kind kind;
    struct buf body;
    atomic_bool is_cancelled; /* the request that waits or is worked on */
    /* Called on the reader's thread when a cancel comes for a request that is worked on. Set before the reader starts. */
    void (*interrupt)(void *state);
    void *state;
};

void worker_link_init(struct worker_link *link, int fd);
/* Reads until the server closes or says QUIT, then ends the process. */
_Noreturn void worker_link_read(struct worker_link *link);
/* Waits for the next request; its body is borrowed until worker_link_finish. */
void worker_link_take(struct worker_link *link, struct frame *out);
/* The answer is sent: cancels that come now are for nobody. */
void worker_link_finish(struct worker_link *link);
/* Sends frames; a server that is gone ends the process. */
void worker_link_send(struct worker_link *link, const struct buf *frames);

#endif
