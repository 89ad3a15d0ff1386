/* HTTP calls to a weft server, over its unix socket or a URL; by libcurl, without proxies. */
#ifndef WEFT_HTTP_CLIENT_H
#define WEFT_HTTP_CLIENT_H

#include "http_server/http_fields.h"
#include "task/task.h"

struct http_target {
    str socket_path; /* of a unix socket; empty: `url` is used */
    str url;         /* `http://HOST:PORT`, without a path */
    str token;       /* sent as `Authorization: Bearer`; may be empty */
};

struct http_answer {
    int status;
    str content_type;
    struct http_fields headers; /* names in lower case */
    str body;                   /* empty when a receiver took it */
};

/* Takes an answer as it comes. Both may return false to stop the call: with t->err set that is the
 * error, without, the call returns true and the rest is not read. */
struct http_receiver {
    void *state;
    /* Optional: status and headers are known; `body` is empty. */
    bool (*begin)(struct task *t, void *state, const struct http_answer *answer);
    bool (*bytes)(struct task *t, void *state, str bytes);
};

/* `path` begins with `/` and is sent as it is, with its query. `headers` may be NULL. A body is
 * sent as given (Content-Type is among the headers, or application/json). The answer lives in the
 * task; one over HTTP_ANSWER_BYTES_MAX is ERR_LIMIT. Any status is an answer, not a failure.
 * ERR_UNREACHABLE: no connection; ERR_PROTOCOL: the answer broke off or is no HTTP; TIMEOUT and
 * CANCELLED are the task's. */
MUST_CHECK bool http_call(struct task *t, const struct http_target *target, str method, str path,
                          const struct http_fields *headers, str body, struct http_answer *out);
/* As http_call, with the bytes of the answer going to `receiver`. Small memory for answers of any
 * size. */
MUST_CHECK bool http_call_stream(struct task *t, const struct http_target *target, str method,
                                 str path, const struct http_fields *headers, str body,
                                 const struct http_receiver *receiver, struct http_answer *out);

#endif
