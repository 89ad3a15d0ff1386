/* HTTP/1.1 over streams, strict: any doubt about where a request ends is answered by 400 and the
 * end of the connection. */
#ifndef WEFT_HTTP_SERVER_H
#define WEFT_HTTP_SERVER_H

#include "http_server/http_fields.h"
#include "stream/stream.h"

struct http_server;
struct http_exchange;

/* Lives in the task of the exchange. */
struct http_request {
    str method; /* "GET" */
    str target; /* as sent: path and query */
    str path;   /* as sent, without the query */
    /* Of the path, each decoded: UTF-8, not empty, neither `.` nor `..`; may hold a `/`. */
    struct str_list segments;
    struct http_fields query;   /* decoded, in order */
    struct http_fields headers; /* names in lower case, values trimmed */
    str host;
    str body;
    bool is_head;
    int minor; /* 1 for HTTP/1.1, 0 for HTTP/1.0 */
    struct stream_peer peer;
};

struct http_server_options {
    /* Called on a thread of its own with a fresh task, which hang-up and close cancel. What it
     * leaves unanswered becomes a 500. */
    void (*handle)(void *state, struct task *t, struct http_exchange *x);
    /* Optional: how large a body may be, asked when the headers are there and before a byte of it
     * is read. NULL: HTTP_BODY_BYTES_MAX. Allow more only where the headers show who asks. */
    size_t (*body_bytes_max)(void *state, const struct http_request *request);
    /* Optional: true closes a new connection of a unix socket. Called by the waiting thread: must
     * be quick. */
    bool (*refuse_pid)(void *state, int32_t pid);
    void *state;
    size_t connections_max; /* 0: 256. More are answered by 503 */
    int header_timeout_ms;  /* 0: 10000; for the whole head of a request from its first byte */
    int idle_timeout_ms;    /* 0: 60000; between requests */
    int body_grace_ms;      /* 0: 10000; after it, a body must have come at body_rate_min */
    int body_rate_min;      /* 0: 4096 bytes a second */
    int write_timeout_ms;   /* 0: 60000; one write may wait this long for the client to read */
};

/* Copies the options; nothing is listened to yet. */
MUST_CHECK bool http_server_open(struct task *t, const struct http_server_options *options,
                                 struct http_server **out);
/* Any number of addresses, before http_server_start. The address in use (the port that 0 became,
 * the path) is given back if `address_out` is not NULL; it lives as long as the server. */
MUST_CHECK bool http_server_listen_tcp(struct task *t, struct http_server *server, str address,
                                       str *address_out);
MUST_CHECK bool http_server_listen_unix(struct task *t, struct http_server *server, str path,
                                        str *address_out);
/* The n-th address in order of listening; an empty str past the last. */
str http_server_address(const struct http_server *server, size_t n);
MUST_CHECK bool http_server_start(struct task *t, struct http_server *server);
/* Open connections, and requests at work; `last_ms` (may be NULL) gets the monotonic instant when
 * the last request ended. */
size_t http_server_connections(struct http_server *server);
size_t http_server_running(struct http_server *server, int64_t *last_ms);
/* Takes in who has connected until now, and nobody from now on: they wait until http_server_resume. Whoever is counted then is known. */
void http_server_pause(struct http_server *server);
void http_server_resume(struct http_server *server);
/* Accepts no more, closes idle connections, and waits for requests at work: true when all ended
 * within `grace_ms`. */
bool http_server_drain(struct http_server *server, int grace_ms);
/* Drains without grace: cancels the tasks of all requests at work, waits for their handlers, frees.
 * NULL is allowed. */
void http_server_close(struct http_server *server);

const struct http_request *http_request(const struct http_exchange *x);

/* Each exchange is answered once: by http_respond, or by http_begin_stream … http_end_stream or
 * http_abort_stream. `headers` may be NULL; Date, Server, Content-Length and Connection are added.
 * Failures: the client is gone or too slow. */
MUST_CHECK bool http_respond(struct task *t, struct http_exchange *x, int status, str content_type,
                             const struct http_fields *headers, str body);
/* Nothing leaves before the first bytes, http_flush_stream or the end: until then http_respond may
 * take its place. */
MUST_CHECK bool http_begin_stream(struct task *t, struct http_exchange *x, int status,
                                  str content_type, const struct http_fields *headers);
/* Sent at once, as one chunk: give more than a few bytes. */
MUST_CHECK bool http_stream_bytes(struct task *t, struct http_exchange *x, str bytes);
MUST_CHECK bool http_flush_stream(struct task *t, struct http_exchange *x);
MUST_CHECK bool http_end_stream(struct task *t, struct http_exchange *x);
/* Ends the connection without the last chunk: a client sees a broken answer, never a short one. */
void http_abort_stream(struct http_exchange *x);
/* True when a byte of the answer has left: too late for another status. */
bool http_is_sent(const struct http_exchange *x);
/* "Not Found"; "Unknown" for a status that has no name here. */
const char *http_status_text(int status);

/* `IMF-fixdate` of RFC 9110. */
void http_date(char out[32], int64_t now_us);

#endif
