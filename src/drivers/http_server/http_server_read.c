/* Bytes to a request: llhttp in strict mode, and the doubts that it leaves to us. */
#include <string.h>

#include <llhttp.h>

#include "clock/clock.h"
#include "http_server/http_server_inside.h"
#include "limits/limits.h"

struct span {
    size_t start, len;
};

struct header_span {
    struct span name, value;
};

struct reader {
    llhttp_t parser;
    struct http_exchange *x;
    struct buf *head;
    struct buf *body;
    size_t head_bytes; /* of names, values, target, trailers, chunk extensions */
    struct span target;
    struct header_span headers[HTTP_HEADERS_MAX];
    size_t header_count, trailer_count;
    bool in_name;
    bool is_head_done, is_done;
    bool expects_continue;
    struct http_refusal refusal;
};

static int refuse(struct reader *r, int status, const char *why)
{
    if (r->refusal.status == 0)
        r->refusal = (struct http_refusal){status, why};
    return HPE_USER;
}

static int count_head(struct reader *r, size_t len)
{
    r->head_bytes += len;
    if (r->head_bytes > HTTP_HEADER_BYTES_MAX)
        return refuse(r, 431, "the headers are too large");
    return 0;
}

static int add_span(struct reader *r, struct span *span, const char *at, size_t len)
{
    int status = count_head(r, len);
    if (status != 0)
        return status;
    if (span->len == 0)
        span->start = r->head->len;
    if (!buf_add(r->head, (str){at, len}))
        return refuse(r, 431, "the headers are too large");
    span->len += len;
    return 0;
}

static str span_str(const struct reader *r, struct span span)
{
    return span.len == 0 ? STR_NONE : (str){r->head->ptr + span.start, span.len};
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct reader *r = parser->data;
    return add_span(r, &r->target, at, len);
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    struct reader *r = parser->data;
    if (!r->in_name) {
        r->in_name = true;
        size_t *count = r->is_head_done ? &r->trailer_count : &r->header_count;
        if (*count == HTTP_HEADERS_MAX)
            return refuse(r, 431, "there are too many headers");
        (*count)++;
    }
    if (r->is_head_done)
        return count_head(
            r, len); /* Trailers are read over: nothing may be added once the head is judged. */
    return add_span(r, &r->headers[r->header_count - 1].name, at, len);
}

static int on_header_field_complete(llhttp_t *parser)
{
    struct reader *r = parser->data;
    r->in_name = false;
    return count_head(r, 4); /* colon, space, end of line */
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    struct reader *r = parser->data;
    if (r->is_head_done)
        return count_head(r, len);
    return add_span(r, &r->headers[r->header_count - 1].value, at, len);
}

static int on_chunk_extension(llhttp_t *parser, const char *at, size_t len)
{
    (void)at;
    return count_head(parser->data, len);
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct reader *r = parser->data;
    if (!buf_add(r->body, (str){at, len}))
        return refuse(r, 413, "the body is too large");
    return 0;
}

static int on_message_complete(llhttp_t *parser)
{
    struct reader *r = parser->data;
    r->is_done = true;
    r->x->keep_alive = llhttp_should_keep_alive(parser) != 0;
    return HPE_PAUSED; /* What follows belongs to the next request. */
}

static bool is_known_method(uint8_t method)
{
    switch (method) {
    case HTTP_GET:
    case HTTP_HEAD:
    case HTTP_POST:
    case HTTP_PUT:
    case HTTP_PATCH:
    case HTTP_DELETE:
    case HTTP_OPTIONS:
        return true;
    default:
        return false;
    }
}

static bool is_host(str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
               || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
        if (!ok)
            return false;
    }
    return host.len > 0;
}

static bool split_path(struct arena *mem, struct http_request *request)
{
    str rest = str_from(request->path, 1);
    while (rest.len > 0) {
        str segment = STR_NONE;
        str_cut(rest, '/', &segment, &rest);
        if (segment.len == 0 || !http_percent_decode(mem, segment, false, &segment)
            || str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
            return false;
        vec_push(mem, &request->segments, segment);
    }
    return true;
}

static int judge_target(struct reader *r, struct arena *mem)
{
    struct http_request *request = &r->x->request;
    str query = STR_NONE;
    request->target = span_str(r, r->target);
    for (size_t i = 0; i < request->target.len; i++)
        if (request->target.ptr[i] <= ' ' || request->target.ptr[i] >= 127
            || request->target.ptr[i] == '#')
            return refuse(r, 400, "the path holds a character that must be escaped");
    if (!str_starts(request->target, STR("/")))
        return refuse(r, 400, "the path does not begin with a slash");
    str_cut(request->target, '?', &request->path, &query);
    if (!split_path(mem, request))
        return refuse(r, 400, "the path has an empty, relative or wrongly escaped segment");
    if (!http_fields_parse_query(mem, query, &request->query))
        return refuse(r, 400, "the query is wrongly escaped");
    return 0;
}

/* Headers of which a second one would make the request mean two things. */
static int judge_single(struct reader *r, const struct http_field *field)
{
    static const str single[] = {
        {"host", 4},           {"content-length", 14}, {"transfer-encoding", 17},
        {"authorization", 13}, {"content-type", 12},   {"expect", 6},
        {"origin", 6},
    };
    const struct http_fields *before = &r->x->request.headers;
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
        if (str_eq(field->name, single[i]) && http_fields_find(before, field->name) != NULL)
            return refuse(r, 400, "a header that must stand once stands twice");
    return 0;
}

static int collect_headers(struct reader *r, struct arena *mem)
{
    for (size_t i = 0; i < r->header_count; i++) {
        struct http_field field = {
            .name = arena_lower(mem, span_str(r, r->headers[i].name)),
            .value = str_trim(span_str(r, r->headers[i].value)),
        };
        int status = judge_single(r, &field);
        if (status != 0)
            return status;
        http_fields_add(mem, &r->x->request.headers, field.name, field.value);
    }
    return 0;
}

static int judge_headers(struct reader *r)
{
    struct http_request *request = &r->x->request;
    const struct http_field *host = http_fields_find(&request->headers, STR("host"));
    const struct http_field *coding = http_fields_find(&request->headers, STR("transfer-encoding"));
    const struct http_field *expect = http_fields_find(&request->headers, STR("expect"));
    if (host == NULL && request->minor == 1)
        return refuse(r, 400, "there is no Host header");
    if (host != NULL && !is_host(host->value))
        return refuse(r, 400, "the Host header is malformed");
    if (host != NULL)
        request->host = host->value;
    if (coding != NULL && (request->minor == 0 || !str_eq_nocase(coding->value, STR("chunked"))))
        return refuse(r, 400, "the only Transfer-Encoding is chunked, in HTTP/1.1");
    if (expect != NULL && request->minor == 1) {
        if (!str_eq_nocase(expect->value, STR("100-continue")))
            return refuse(r, 417, "the only Expect is 100-continue");
        r->expects_continue = true;
    }
    return 0;
}

static int judge_body(struct reader *r)
{
    const struct http_server_options *options = &r->x->connection->server->options;
    size_t most = options->body_bytes_max != NULL
                    ? options->body_bytes_max(options->state, &r->x->request)
                    : HTTP_BODY_BYTES_MAX;
    /* What is announced is only held against the limit; memory grows as bytes arrive. */
    if ((r->parser.flags & F_CONTENT_LENGTH) != 0 && r->parser.content_length > most)
        return refuse(r, 413, "the body is too large");
    r->body = buf_new(r->x->task->mem, most);
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct reader *r = parser->data;
    struct http_request *request = &r->x->request;
    r->is_head_done = true;
    if (parser->http_major != 1 || parser->http_minor > 1)
        return refuse(r, 505, "this version of HTTP is not spoken here");
    if (!is_known_method(parser->method))
        return refuse(r, 501, "this method is not known here");
    request->method = str_of(llhttp_method_name(parser->method));
    request->is_head = parser->method == HTTP_HEAD;
    request->minor = parser->http_minor;
    request->peer = *stream_peer(r->x->connection->stream);
    /* An offer to speak another protocol may be left unheard; what follows is then HTTP. */
    parser->upgrade = 0;
    int status = judge_target(r, r->x->task->mem);
    if (status == 0)
        status = collect_headers(r, r->x->task->mem);
    if (status == 0)
        status = judge_headers(r);
    if (status == 0)
        status = judge_body(r);
    return status;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* False when the parser stopped for good. */
static bool parse(struct reader *r, struct http_input *in)
{
    const char *start = in->bytes + in->from;
    enum llhttp_errno status = llhttp_execute(&r->parser, start, in->to - in->from);
    if (status == HPE_OK) {
        in->from = in->to = 0;
        return true;
    }
    if (status == HPE_PAUSED && r->is_done) {
        in->from = (size_t)(llhttp_get_error_pos(&r->parser) - in->bytes);
        return true;
    }
    refuse(r, 400, "the request is not well-formed HTTP");
    return false;
}

/* The head has a fixed time from its first byte; a body must come at a least rate. */
static int64_t read_deadline(const struct reader *r, int64_t begun_ms, int64_t head_done_ms)
{
    const struct http_server_options *options = &r->x->connection->server->options;
    if (!r->is_head_done)
        return begun_ms + options->header_timeout_ms;
    return head_done_ms + options->body_grace_ms
         + (int64_t)r->body->len * 1000 / options->body_rate_min;
}

static bool send_continue(struct reader *r)
{
    struct http_connection *c = r->x->connection;
    r->expects_continue = false;
    stream_set_deadline(c->stream, clock_monotonic_ms() + c->server->options.header_timeout_ms);
    return stream_write(c->io, c->stream, STR("HTTP/1.1 100 Continue\r\n\r\n"));
}

static enum http_reading read_more(struct reader *r, struct http_input *in, int64_t deadline_ms)
{
    struct http_connection *c = r->x->connection;
    size_t n = 0;
    stream_set_deadline(c->stream, deadline_ms);
    if (!stream_read(c->io, c->stream, in->bytes, sizeof(in->bytes), &n)) {
        if (c->io->err.code != ERR_TIMEOUT || r->target.len == 0)
            return HTTP_READ_END;
        refuse(r, 408, "the request took too long to arrive");
        return HTTP_READ_REFUSED;
    }
    in->from = 0;
    in->to = n;
    return n == 0 ? HTTP_READ_END : HTTP_READ_REQUEST;
}

static enum http_reading read_all(struct reader *r, struct http_input *in)
{
    int64_t begun_ms = clock_monotonic_ms();
    int64_t head_done_ms = 0;
    while (!r->is_done) {
        if (in->from == in->to) {
            enum http_reading reading = read_more(r, in, read_deadline(r, begun_ms, head_done_ms));
            if (reading != HTTP_READ_REQUEST)
                return reading;
        }
        if (!parse(r, in))
            return HTTP_READ_REFUSED;
        if (r->is_head_done && head_done_ms == 0)
            head_done_ms = clock_monotonic_ms();
        if (r->is_head_done && r->expects_continue && !r->is_done && r->body->len == 0
            && !send_continue(r))
            return HTTP_READ_END;
    }
    return HTTP_READ_REQUEST;
}

enum http_reading http_read_request(struct http_exchange *x, struct http_input *in,
                                    struct buf *head, struct http_refusal *refusal_out)
{
    struct reader r;
    memset(&r, 0, sizeof(r));
    buf_clear(head);
    r.x = x;
    r.head = head;
    llhttp_init(&r.parser, HTTP_REQUEST, &settings);
    r.parser.data = &r;
    enum http_reading reading = read_all(&r, in);
    if (reading == HTTP_READ_REQUEST)
        x->request.body = buf_str(r.body);
    else
        x->keep_alive = false;
    *refusal_out = r.refusal;
    return reading;
}
