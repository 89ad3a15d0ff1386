/* The server's own: connections, exchanges, and the jobs of a thread: read, handle, answer. */
#ifndef WEFT_HTTP_SERVER_INSIDE_H
#define WEFT_HTTP_SERVER_INSIDE_H

#include <pthread.h>

#include "buf/buf.h"
#include "http_server/http_server.h"
#include "stream/stream_idle.h"

enum { HTTP_LISTENERS_MAX = 16, HTTP_REFUSED_MAX = 64, HTTP_INPUT_BYTES = 16384 };

/* An open connection: parked in the epoll, queued for a thread, or at work on one. */
struct http_connection {
    struct http_server *server;
    struct stream *stream;
    struct http_connection *next, *previous; /* of all that are open */
    struct http_connection *next_ready;
    bool is_refused; /* one too many: got its 503, waits for the other side to close */
    int64_t refused_until_ms;
    struct task *io; /* at work: reads requests and writes answers; cancelled by close */
    struct http_exchange *exchange; /* with a handler */
};

enum http_answer_state {
    HTTP_ANSWER_NONE,
    HTTP_ANSWER_HELD,      /* a stream has begun, but its head has not left */
    HTTP_ANSWER_STREAMING, /* the head has left */
    HTTP_ANSWER_DONE,
    HTTP_ANSWER_BROKEN /* the connection is closed so that the other side sees a failure */
};

struct http_exchange {
    struct http_connection *connection;
    struct http_request request;
    struct task *task;
    enum http_answer_state state;
    bool keep_alive;
    bool is_sent;
    bool is_chunked;
    atomic_bool gone;
    struct buf *head; /* of the answer */
};

/* The bytes of a connection at work: what was read and not yet used. */
struct http_input {
    size_t from, to;
    char bytes[HTTP_INPUT_BYTES];
};

struct http_thread {
    pthread_t id;
    struct http_server *server;
    struct http_thread *next;
};

struct http_server {
    struct http_server_options options;
    struct stream_idle *idle;
    struct stream_listener *listeners[HTTP_LISTENERS_MAX];
    str addresses[HTTP_LISTENERS_MAX]; /* outlive their listeners */
    size_t listener_count;
    struct arena *mem;
    bool is_started;
    atomic_bool draining;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t work;  /* a connection is ready, or the end has come */
    pthread_cond_t ended; /* a connection has closed */
    struct http_connection *connections;
    size_t open_count, refused_count, running_count;
    struct http_connection *ready_first, *ready_last;
    size_t ready_count, waiting_threads;
    struct http_thread *threads, *ended_threads;
    int64_t last_ms;
    bool cancelling; /* close has begun: whoever starts now is cancelled */
    bool ending;
};

enum http_reading {
    HTTP_READ_REQUEST,
    HTTP_READ_END,    /* nothing more to read, nobody to answer */
    HTTP_READ_REFUSED /* `status` and `why` go to the client, and the connection ends */
};

struct http_refusal {
    int status;
    const char *why;
};

/* Reads one request into x->request; memory is the task's and `head`'s. */
enum http_reading http_read_request(struct http_exchange *x, struct http_input *in,
                                    struct buf *head, struct http_refusal *refusal_out);
/* Answers a request that was not understood. */
void http_refuse(struct http_exchange *x, const struct http_refusal *refusal);
/* The 503 of a connection too many: the whole answer. */
str http_busy_answer(void);

/* The pool: a thread takes the connection when one is free, or is made for it. */
void http_pool_give(struct http_connection *c);
void http_pool_end(struct http_server *server);
/* What a thread does with a connection, until it is parked or closed. */
void http_connection_serve(struct http_connection *c);
/* Also closes the stream. */
void http_connection_free(struct http_connection *c, bool hard);

#endif
