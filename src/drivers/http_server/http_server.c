#include "http_server/http_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock/clock.h"
#include "http_server/http_server_inside.h"
#include "limits/limits.h"
#include "log/log.h"

enum { REFUSED_LINGER_MS = 1000, LINGER_MS = 1000, LINGER_BYTES_MAX = 1 << 20 };

static void accepted(void *state, struct stream *s);

static int or_default(int value, int fallback)
{
    return value > 0 ? value : fallback;
}

bool http_server_open(struct task *t, const struct http_server_options *options,
                      struct http_server **out)
{
    struct http_server *server = calloc(1, sizeof(*server));
    CHECK(server != NULL);
    CHECK(options->handle != NULL);
    server->options = *options;
    struct http_server_options *o = &server->options;
    o->connections_max = o->connections_max > 0 ? o->connections_max : 256;
    o->header_timeout_ms = or_default(o->header_timeout_ms, 10000);
    o->idle_timeout_ms = or_default(o->idle_timeout_ms, 60000);
    o->body_grace_ms = or_default(o->body_grace_ms, 10000);
    o->body_rate_min = or_default(o->body_rate_min, 4096);
    o->write_timeout_ms = or_default(o->write_timeout_ms, 60000);
    if (!stream_idle_open(t, &server->idle)) {
        free(server);
        return false;
    }
    server->mem = arena_new();
    server->last_ms = clock_monotonic_ms();
    atomic_init(&server->draining, false);
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&server->work, &attributes);
    pthread_cond_init(&server->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    *out = server;
    return true;
}

static bool add_listener(struct task *t, struct http_server *server,
                         struct stream_listener *listener, str *address_out)
{
    CHECK(!server->is_started);
    if (server->listener_count == HTTP_LISTENERS_MAX) {
        stream_listener_close(listener);
        return task_fail(t, ERR_CONFIG, "a server listens on at most %d addresses",
                         HTTP_LISTENERS_MAX);
    }
    size_t n = server->listener_count++;
    server->listeners[n] = listener;
    server->addresses[n] = arena_str(server->mem, stream_listener_address(listener));
    if (address_out != NULL)
        *address_out = server->addresses[n];
    return true;
}

bool http_server_listen_tcp(struct task *t, struct http_server *server, str address,
                            str *address_out)
{
    struct stream_listener *listener = NULL;
    return stream_listen_tcp(t, address, &listener)
        && add_listener(t, server, listener, address_out);
}

bool http_server_listen_unix(struct task *t, struct http_server *server, str path, str *address_out)
{
    struct stream_listener *listener = NULL;
    return stream_listen_unix(t, path, &listener) && add_listener(t, server, listener, address_out);
}

str http_server_address(const struct http_server *server, size_t n)
{
    return n < server->listener_count ? server->addresses[n] : STR_NONE;
}

bool http_server_start(struct task *t, struct http_server *server)
{
    if (server->listener_count == 0)
        return task_fail(t, ERR_CONFIG, "the server has no address to listen on");
    server->is_started = true;
    http_server_resume(server);
    return true;
}

void http_server_pause(struct http_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        struct stream *s;
        stream_idle_unlisten(server->idle, server->listeners[i]);
        while ((s = stream_accept_now(server->listeners[i])) != NULL)
            accepted(server, s);
    }
}

void http_server_resume(struct http_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++)
        stream_idle_listen(server->idle, server->listeners[i], accepted, server);
}

size_t http_server_connections(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t n = server->open_count - server->refused_count;
    pthread_mutex_unlock(&server->lock);
    return n;
}

size_t http_server_running(struct http_server *server, int64_t *last_ms)
{
    pthread_mutex_lock(&server->lock);
    size_t n = server->running_count;
    if (last_ms != NULL)
        *last_ms = server->last_ms;
    pthread_mutex_unlock(&server->lock);
    return n;
}

static struct http_connection *connection_new(struct http_server *server, struct stream *s)
{
    struct http_connection *c = calloc(1, sizeof(*c));
    CHECK(c != NULL);
    c->server = server;
    c->stream = s;
    pthread_mutex_lock(&server->lock);
    c->is_refused = server->open_count - server->refused_count >= server->options.connections_max;
    c->next = server->connections;
    if (c->next != NULL)
        c->next->previous = c;
    server->connections = c;
    server->open_count++;
    server->refused_count += c->is_refused;
    bool is_flood = server->refused_count > HTTP_REFUSED_MAX;
    pthread_mutex_unlock(&server->lock);
    if (!is_flood)
        return c;
    http_connection_free(c, false);
    return NULL;
}

void http_connection_free(struct http_connection *c, bool hard)
{
    struct http_server *server = c->server;
    if (hard)
        stream_close_hard(c->stream);
    else
        stream_close(c->stream);
    pthread_mutex_lock(&server->lock);
    if (c->next != NULL)
        c->next->previous = c->previous;
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        server->connections = c->next;
    server->open_count--;
    server->refused_count -= c->is_refused;
    free(c);
    pthread_cond_broadcast(&server->ended);
    pthread_mutex_unlock(&server->lock);
}

static void request_is_coming(void *item, enum stream_wake why)
{
    struct http_connection *c = item;
    if (why == STREAM_WAKE_READABLE)
        http_pool_give(c);
    else
        http_connection_free(c, false);
}

/* Reads away what a refused client still sends: closing on unread bytes would reset its connection
 * before it has read the refusal. */
static void refused_is_readable(void *item, enum stream_wake why)
{
    struct http_connection *c = item;
    char waste[4096];
    ssize_t n = 1;
    for (int i = 0; i < 16 && n > 0; i++)
        n = stream_read_now(c->stream, waste, sizeof(waste));
    if (why != STREAM_WAKE_READABLE || n == 0)
        http_connection_free(c, false);
    else
        stream_idle_park(c->server->idle, c->stream, c->refused_until_ms, refused_is_readable, c);
}

static void accepted(void *state, struct stream *s)
{
    struct http_server *server = state;
    const struct stream_peer *peer = stream_peer(s);
    if (peer->is_unix && server->options.refuse_pid != NULL
        && server->options.refuse_pid(server->options.state, peer->pid)) {
        log_event(LOG_WARN, "http_server", NULL, "refused pid %d", (int)peer->pid);
        stream_close(s);
        return;
    }
    struct http_connection *c = connection_new(server, s);
    if (c == NULL)
        return;
    int64_t now = clock_monotonic_ms();
    if (!c->is_refused) {
        stream_idle_park(server->idle, s, now + server->options.header_timeout_ms,
                         request_is_coming, c);
        return;
    }
    c->refused_until_ms = now + REFUSED_LINGER_MS;
    stream_write_now(s, http_busy_answer());
    stream_finish(s);
    stream_idle_park(server->idle, s, c->refused_until_ms, refused_is_readable, c);
}

static void client_is_gone(void *item)
{
    struct http_exchange *x = item;
    atomic_store(&x->gone, true);
    task_cancel(x->task);
}

static void set_exchange(struct http_connection *c, struct http_exchange *x)
{
    struct http_server *server = c->server;
    pthread_mutex_lock(&server->lock);
    if (x != NULL) {
        server->running_count++;
        if (server->cancelling)
            task_cancel(x->task);
    } else {
        server->running_count--;
        server->last_ms = clock_monotonic_ms();
    }
    c->exchange = x;
    pthread_mutex_unlock(&server->lock);
}

static void handle(struct http_exchange *x)
{
    static const struct http_refusal unanswered = {500, "the request was left unanswered"};
    struct http_connection *c = x->connection;
    const struct http_server_options *options = &c->server->options;
    set_exchange(c, x);
    uint64_t watch = stream_idle_watch(c->server->idle, c->stream, client_is_gone, x);
    options->handle(options->state, x->task, x);
    stream_idle_unwatch(c->server->idle, watch);
    if (x->state == HTTP_ANSWER_NONE || (x->state == HTTP_ANSWER_HELD && !x->is_sent))
        http_refuse(x, &unanswered);
    else if (x->state != HTTP_ANSWER_DONE)
        x->state = HTTP_ANSWER_BROKEN;
    set_exchange(c, NULL);
}

/* As for one too many: the client must be able to read why, though it may still be sending. */
static void linger(struct http_connection *c)
{
    char waste[4096];
    size_t n = 1;
    size_t sum = 0;
    stream_finish(c->stream);
    stream_set_deadline(c->stream, clock_monotonic_ms() + LINGER_MS);
    while (n > 0 && sum < LINGER_BYTES_MAX
           && stream_read(c->io, c->stream, waste, sizeof(waste), &n))
        sum += n;
}

enum next_step { NEXT_REQUEST, NEXT_CLOSE, NEXT_CLOSE_HARD };

static enum next_step serve_one(struct http_connection *c, struct http_input *in, struct buf *head)
{
    struct http_refusal refusal = {0, ""};
    struct http_exchange x = {.connection = c, .task = task_new()};
    enum next_step next = NEXT_CLOSE;
    atomic_init(&x.gone, false);
    enum http_reading reading = http_read_request(&x, in, head, &refusal);
    if (reading == HTTP_READ_REQUEST)
        handle(&x);
    else if (reading == HTTP_READ_REFUSED)
        http_refuse(&x, &refusal);
    if (x.state == HTTP_ANSWER_BROKEN)
        next = NEXT_CLOSE_HARD;
    else if (reading == HTTP_READ_REQUEST && x.keep_alive && !atomic_load(&c->server->draining))
        next = NEXT_REQUEST;
    else if (reading != HTTP_READ_END)
        linger(c);
    task_free(x.task);
    return next;
}

static void set_io(struct http_connection *c, struct task *io)
{
    pthread_mutex_lock(&c->server->lock);
    c->io = io;
    pthread_mutex_unlock(&c->server->lock);
}

void http_connection_serve(struct http_connection *c)
{
    struct http_input in;
    struct buf head;
    in.from = in.to = 0;
    buf_init(&head, HTTP_HEADER_BYTES_MAX);
    struct task *io = task_new();
    set_io(c, io);
    enum next_step next = NEXT_REQUEST;
    do {
        next = serve_one(c, &in, &head);
        /* Some clients end a body with an empty line more than they counted. */
        while (in.from < in.to && (in.bytes[in.from] == '\r' || in.bytes[in.from] == '\n'))
            in.from++;
    } while (next == NEXT_REQUEST && in.from < in.to);
    set_io(c, NULL);
    task_free(io);
    buf_free(&head);
    if (next != NEXT_REQUEST) {
        http_connection_free(c, next == NEXT_CLOSE_HARD);
        return;
    }
    stream_idle_park(c->server->idle, c->stream,
                     clock_monotonic_ms() + c->server->options.idle_timeout_ms, request_is_coming,
                     c);
}

static void stop_listening(struct http_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        if (server->listeners[i] == NULL)
            continue;
        stream_idle_unlisten(server->idle, server->listeners[i]);
        stream_listener_close(server->listeners[i]);
        server->listeners[i] = NULL;
    }
}

bool http_server_drain(struct http_server *server, int grace_ms)
{
    atomic_store(&server->draining, true);
    stop_listening(server);
    stream_idle_release(server->idle);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += grace_ms / 1000;
    until.tv_nsec += (long)(grace_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&server->lock);
    while (server->open_count > 0
           && pthread_cond_timedwait(&server->ended, &server->lock, &until) != ETIMEDOUT) {
    }
    bool all_ended = server->open_count == 0;
    pthread_mutex_unlock(&server->lock);
    return all_ended;
}

void http_server_close(struct http_server *server)
{
    if (server == NULL)
        return;
    http_server_drain(server, 0);
    pthread_mutex_lock(&server->lock);
    server->cancelling = true;
    while (server->open_count > 0) {
        /* Again after each end: one may have come to a thread meanwhile. */
        for (struct http_connection *c = server->connections; c != NULL; c = c->next) {
            if (c->io != NULL)
                task_cancel(c->io);
            if (c->exchange != NULL)
                task_cancel(c->exchange->task);
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += 1;
        pthread_cond_timedwait(&server->ended, &server->lock, &until);
    }
    pthread_mutex_unlock(&server->lock);
    http_pool_end(server);
    stream_idle_close(server->idle);
    pthread_cond_destroy(&server->work);
    pthread_cond_destroy(&server->ended);
    pthread_mutex_destroy(&server->lock);
    arena_free(server->mem);
    free(server);
}
