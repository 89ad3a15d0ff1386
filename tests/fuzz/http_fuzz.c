/* Whatever a client sends: a request whose parts keep what they promise, an end, or a refusal with its status. */
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_server/http_fields.h"
#include "http_server/http_server_inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { INPUT_MAX = 60000, REQUESTS_MAX = 20 };

static void check_request(const struct http_request *request)
{
    CHECK(request->method.len > 0 && str_starts(request->path, STR("/")));
    CHECK(!str_has(request->path, '?'));
    for (size_t i = 0; i < request->segments.len; i++) {
        str segment = request->segments.at[i];
        CHECK(segment.len > 0 && str_is_utf8(segment) && !str_has(segment, '\0'));
        CHECK(!str_eq(segment, STR(".")) && !str_eq(segment, STR("..")));
    }
    for (size_t i = 0; i < request->query.len; i++)
        CHECK(str_is_utf8(request->query.at[i].name) && str_is_utf8(request->query.at[i].value));
    for (size_t i = 0; i < request->headers.len; i++)
        CHECK(request->headers.at[i].name.len > 0 && !str_has(request->headers.at[i].value, '\n'));
}

/* What is encoded is decoded again. */
static void check_fields(str text)
{
    struct arena *mem = arena_new();
    struct http_fields fields = {0};
    str out;
    if (http_fields_parse_query(mem, text, &fields))
        for (size_t i = 0; i < fields.len; i++)
            CHECK(str_is_utf8(fields.at[i].name) && str_is_utf8(fields.at[i].value));
    if (str_is_utf8(text) && !str_has(text, '\0')) {
        CHECK(http_percent_decode(mem, http_percent_encode(mem, text), false, &out));
        CHECK(str_eq(out, text));
    }
    arena_free(mem);
}

static void read_all(struct http_connection *c)
{
    struct http_input *in = calloc(1, sizeof *in);
    enum http_reading reading = HTTP_READ_REQUEST;
    for (int i = 0; reading == HTTP_READ_REQUEST && i < REQUESTS_MAX; i++) {
        struct http_refusal refusal = {0, ""};
        struct http_exchange x = {.connection = c, .task = task_new()};
        struct buf *head = buf_new(x.task->mem, 1 << 17);
        reading = http_read_request(&x, in, head, &refusal);
        if (reading == HTTP_READ_REQUEST)
            check_request(&x.request);
        else if (reading == HTTP_READ_REFUSED)
            CHECK(refusal.status >= 400 && refusal.status < 600 && refusal.why[0] != '\0');
        task_free(x.task);
    }
    free(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct http_server server = {.options = {.header_timeout_ms = 10000,
                                             .idle_timeout_ms = 10000,
                                             .body_grace_ms = 10000,
                                             .body_rate_min = 4096,
                                             .write_timeout_ms = 10000}};
    struct http_connection c = {.server = &server};
    int ends[2];

    check_fields((str){(const char *)data, len});
    if (len > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return 0;
    CHECK(len == 0 || write(ends[1], data, len) == (ssize_t)len);
    shutdown(ends[1], SHUT_WR);
    c.stream = stream_of_fd(ends[0]);
    c.io = task_new();
    read_all(&c);
    stream_close(c.stream);
    task_free(c.io);
    close(ends[1]);
    return 0;
}
