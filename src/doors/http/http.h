/* The HTTP door: routes, who asks, problem details. docs/http-api.md is its contract. */
#ifndef WEFT_HTTP_H
#define WEFT_HTTP_H

#include "services/services.h"

struct http_door;

struct http_door_options {
    str socket_path; /* always there */
    str address;     /* HOST:PORT, or empty */
};

MUST_CHECK bool http_door_open(struct task *t, struct services *services,
                               const struct http_door_options *options, struct http_door **out);
/* Accepts no more, cancels what runs, waits. NULL is allowed. */
void http_door_close(struct http_door *door);
/* `HOST:PORT` that it listens on; empty without TCP. */
str http_door_address(const struct http_door *door);
/* Connections now, and when the last request ended on the monotonic clock: for a server that ends when idle. */
size_t http_door_connections(struct http_door *door, int64_t *last_ms);
/* See http_server_pause. */
void http_door_pause(struct http_door *door);
void http_door_resume(struct http_door *door);
/* Readiness falls before the door closes, so that balancers look elsewhere. */
void http_door_set_ready(struct http_door *door, bool is_ready);

#endif
