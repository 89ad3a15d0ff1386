/* Answers to bytes: whole ones, streams of chunks, and the server's own refusals. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock/clock.h"
#include "http_server/http_server_inside.h"

enum { HEAD_BYTES_MAX = 65536, WRITE_BYTES = 1 << 20 };

const char *http_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } table[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {499, "Client Closed Request"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].status == status)
            return table[i].text;
    return "Unknown";
}

void http_date(char out[32], int64_t now_us)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm tm;
    memset(&tm, 0, sizeof(tm));
    gmtime_r(&seconds, &tm);
    /* By hand, because strftime speaks the language of the machine. */
    snprintf(out, 32, "%s, %02u %s %04u %02u:%02u:%02u GMT", days[tm.tm_wday % 7],
             (unsigned)tm.tm_mday % 100, months[tm.tm_mon % 12],
             (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
             (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

static bool is_header_safe(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '\r' || s.ptr[i] == '\n' || s.ptr[i] == '\0')
            return false;
    return true;
}

static bool has_no_body(int status)
{
    return status == 204 || status == 304 || (status >= 100 && status < 200);
}

/* Status line and headers, without the empty line that ends them. */
static bool begin_head(struct task *t, struct http_exchange *x, int status, str content_type,
                       const struct http_fields *headers)
{
    char date[32];
    if (x->state != HTTP_ANSWER_NONE && x->state != HTTP_ANSWER_HELD)
        return task_fail(t, ERR_INTERNAL, "an exchange is answered twice");
    if (atomic_load(&x->connection->server->draining))
        x->keep_alive = false;
    if (x->head == NULL)
        x->head = buf_new(x->task->mem, HEAD_BYTES_MAX);
    buf_clear(x->head);
    http_date(date, clock_now_us());
    buf_format(x->head, "HTTP/1.1 %d %s\r\nDate: %s\r\nServer: weft\r\n", status,
               http_status_text(status), date);
    if (content_type.len > 0)
        buf_format(x->head, "Content-Type: " STR_FMT "\r\n", STR_ARG(content_type));
    bool safe = is_header_safe(content_type);
    for (size_t i = 0; headers != NULL && i < headers->len; i++) {
        const struct http_field *field = &headers->at[i];
        safe = safe && is_header_safe(field->name) && is_header_safe(field->value);
        buf_format(x->head, STR_FMT ": " STR_FMT "\r\n", STR_ARG(field->name),
                   STR_ARG(field->value));
    }
    if (!x->keep_alive)
        buf_add(x->head, STR("Connection: close\r\n"));
    if (!safe || x->head->full)
        return task_fail(t, ERR_INTERNAL,
                         "a header of the answer holds a line break or is too long");
    return true;
}

/* In pieces, so that the time limit is for a client that stops reading, not for one that reads
 * slowly. */
static bool send_parts(struct task *t, struct http_exchange *x, str *parts, size_t len)
{
    struct http_connection *c = x->connection;
    size_t first = 0;
    bool ok = true;
    x->is_sent = true;
    while (ok && first < len) {
        str piece[8];
        size_t count = 0;
        size_t bytes = 0;
        while (first < len && count < 8 && bytes < WRITE_BYTES) {
            piece[count] = str_sub(parts[first], 0, WRITE_BYTES - bytes);
            bytes += piece[count].len;
            parts[first] = str_from(parts[first], piece[count].len);
            count++;
            if (parts[first].len > 0)
                break;
            first++;
        }
        stream_set_deadline(c->stream, clock_monotonic_ms() + c->server->options.write_timeout_ms);
        ok = stream_write_parts(t, c->stream, piece, count);
    }
    if (!ok)
        x->state = HTTP_ANSWER_BROKEN;
    return ok;
}

bool http_respond(struct task *t, struct http_exchange *x, int status, str content_type,
                  const struct http_fields *headers, str body)
{
    struct task *io = x->connection->io;
    if (!begin_head(t, x, status, content_type, headers))
        return false;
    if (!has_no_body(status))
        buf_format(x->head, "Content-Length: %zu\r\n", body.len);
    buf_add(x->head, STR("\r\n"));
    str parts[2] = {buf_str(x->head), body};
    bool with_body = !x->request.is_head && !has_no_body(status);
    /* By the connection's own task: the answer that says "the deadline passed" must still leave. */
    if (!send_parts(io, x, parts, with_body ? 2 : 1))
        return task_fail(t, io->err.code, STR_FMT, STR_ARG(io->err.message));
    x->state = HTTP_ANSWER_DONE;
    return true;
}

bool http_begin_stream(struct task *t, struct http_exchange *x, int status, str content_type,
                       const struct http_fields *headers)
{
    if (x->request.minor == 0)
        x->keep_alive = false; /* Only the end of the connection ends such an answer. */
    if (!begin_head(t, x, status, content_type, headers))
        return false;
    x->is_chunked = x->request.minor == 1 && !has_no_body(status);
    if (x->is_chunked)
        buf_add(x->head, STR("Transfer-Encoding: chunked\r\n"));
    buf_add(x->head, STR("\r\n"));
    x->state = HTTP_ANSWER_HELD;
    return true;
}

static bool check_streaming(struct task *t, const struct http_exchange *x)
{
    if (x->state == HTTP_ANSWER_HELD || x->state == HTTP_ANSWER_STREAMING)
        return true;
    if (x->state == HTTP_ANSWER_BROKEN)
        return task_fail(t, ERR_CANCELLED, "the client is gone");
    return task_fail(t, ERR_INTERNAL, "an answer has no stream");
}

/* Sends the head if it has not left, then the parts. */
static bool send_streamed(struct task *t, struct http_exchange *x, const str *parts, size_t len)
{
    str all[5];
    size_t count = 0;
    if (x->state == HTTP_ANSWER_HELD)
        all[count++] = buf_str(x->head);
    for (size_t i = 0; i < len && !x->request.is_head; i++)
        all[count++] = parts[i];
    x->state = HTTP_ANSWER_STREAMING;
    return send_parts(t, x, all, count);
}

bool http_stream_bytes(struct task *t, struct http_exchange *x, str bytes)
{
    char size[24];
    if (!check_streaming(t, x))
        return false;
    if (bytes.len == 0)
        return true; /* An empty chunk would end the answer. */
    if (!x->is_chunked)
        return send_streamed(t, x, &bytes, 1);
    int n = snprintf(size, sizeof(size), "%zx\r\n", bytes.len);
    const str parts[3] = {{size, (size_t)n}, bytes, STR("\r\n")};
    return send_streamed(t, x, parts, 3);
}

bool http_flush_stream(struct task *t, struct http_exchange *x)
{
    return check_streaming(t, x) && (x->state != HTTP_ANSWER_HELD || send_streamed(t, x, NULL, 0));
}

bool http_end_stream(struct task *t, struct http_exchange *x)
{
    str last = STR("0\r\n\r\n");
    if (!check_streaming(t, x) || !send_streamed(t, x, &last, x->is_chunked ? 1 : 0))
        return false;
    x->state = HTTP_ANSWER_DONE;
    return true;
}

void http_abort_stream(struct http_exchange *x)
{
    if (x->state != HTTP_ANSWER_DONE)
        x->state = HTTP_ANSWER_BROKEN;
}

bool http_is_sent(const struct http_exchange *x)
{
    return x->is_sent;
}

const struct http_request *http_request(const struct http_exchange *x)
{
    return &x->request;
}

void http_refuse(struct http_exchange *x, const struct http_refusal *refusal)
{
    struct task *t = x->task;
    str body = arena_format(
        t->mem, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"}\n",
        http_status_text(refusal->status), refusal->status, refusal->why);
    x->keep_alive = false;
    if (!http_respond(t, x, refusal->status, STR("application/problem+json"), NULL, body))
        x->state = HTTP_ANSWER_BROKEN;
}

str http_busy_answer(void)
{
    return STR("HTTP/1.1 503 Service Unavailable\r\nServer: weft\r\nRetry-After: 1\r\nConnection: "
               "close\r\n"
               "Content-Type: application/problem+json\r\nContent-Length: 98\r\n\r\n"
               "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
               "\"detail\":\"too many connections\"}\n");
}
