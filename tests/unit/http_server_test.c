#include "http_server/http_server.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf/buf.h"
#include "clock/clock.h"
#include "limits/limits.h"
#include "test.h"

/* ---- a server of a few paths */

struct shop {
    struct http_server *server;
    str address;
    atomic_int waiting, cancelled;
    int32_t unwanted_pid;
};

static str first_segment(const struct http_request *request)
{
    return request->segments.len > 0 ? request->segments.at[0] : STR_NONE;
}

static bool answer_text(struct task *t, struct http_exchange *x, int status, str text)
{
    return http_respond(t, x, status, STR("text/plain"), NULL, text);
}

static bool show_request(struct task *t, struct http_exchange *x)
{
    const struct http_request *request = http_request(x);
    struct buf *b = buf_new(t->mem, 65536);
    buf_format(b, STR_FMT " " STR_FMT "\n", STR_ARG(request->method), STR_ARG(request->path));
    for (size_t i = 0; i < request->segments.len; i++)
        buf_format(b, "segment " STR_FMT "\n", STR_ARG(request->segments.at[i]));
    for (size_t i = 0; i < request->query.len; i++)
        buf_format(b, "query " STR_FMT "=" STR_FMT "\n", STR_ARG(request->query.at[i].name),
                   STR_ARG(request->query.at[i].value));
    buf_format(b, "token " STR_FMT "\n",
               STR_ARG(http_fields_value(&request->headers, STR("authorization"))));
    buf_format(b, "unix %d uid %u\n", request->peer.is_unix, (unsigned)request->peer.uid);
    return answer_text(t, x, 200, buf_str(b));
}

static bool stream_some(struct task *t, struct http_exchange *x)
{
    struct http_fields headers = {.len = 0};
    http_fields_add(t->mem, &headers, STR("X-Kind"), STR("stream"));
    return http_begin_stream(t, x, 200, STR("text/csv"), &headers)
        && http_stream_bytes(t, x, STR("one\n")) && http_stream_bytes(t, x, STR_NONE)
        && http_stream_bytes(t, x, STR("three\n")) && http_end_stream(t, x);
}

static bool stream_much(struct task *t, struct http_exchange *x)
{
    char *block = arena_alloc(t->mem, 100000);
    memset(block, 'x', 100000);
    bool ok = http_begin_stream(t, x, 200, STR("text/plain"), NULL);
    for (int i = 0; ok && i < 100; i++)
        ok = http_stream_bytes(t, x, (str){block, 100000});
    return ok && http_end_stream(t, x);
}

static void wait_for_cancel(struct shop *shop, struct task *t, struct http_exchange *x)
{
    atomic_fetch_add(&shop->waiting, 1);
    while (task_go_on(t))
        poll(NULL, 0, 1);
    atomic_fetch_add(&shop->cancelled, 1);
    if (!answer_text(t, x, 499, STR("cancelled")))
        http_abort_stream(x);
}

static bool answer(struct shop *shop, struct task *t, struct http_exchange *x)
{
    const struct http_request *request = http_request(x);
    str path = first_segment(request);
    if (str_eq(path, STR("echo")))
        return answer_text(t, x, 200, request->body);
    if (str_eq(path, STR("stream")))
        return stream_some(t, x);
    if (str_eq(path, STR("much")))
        return stream_much(t, x);
    if (str_eq(path, STR("broken")))
        return http_begin_stream(t, x, 200, STR("text/csv"), NULL)
            && http_stream_bytes(t, x, STR("one\n")) && task_fail(t, ERR_ENGINE, "midway");
    if (str_eq(path, STR("changed")))
        return http_begin_stream(t, x, 200, STR("text/csv"), NULL) && !http_is_sent(x)
            && answer_text(t, x, 422, STR("no"));
    if (str_eq(path, STR("late"))) {
        t->deadline_ms = 1;
        return answer_text(t, x, 504, STR("late"));
    }
    if (str_eq(path, STR("split"))) {
        struct http_fields headers = {.len = 0};
        http_fields_add(t->mem, &headers, STR("Location"), STR("/\r\nX: y"));
        return http_respond(t, x, 200, STR_NONE, &headers, STR_NONE);
    }
    if (str_eq(path, STR("empty")))
        return http_respond(t, x, 204, STR_NONE, NULL, STR_NONE);
    if (str_eq(path, STR("show")))
        return show_request(t, x);
    if (str_eq(path, STR("wait")))
        wait_for_cancel(shop, t, x);
    return true;
}

static void shop_handle(void *state, struct task *t, struct http_exchange *x)
{
    if (!answer(state, t, x))
        http_abort_stream(x);
}

static size_t shop_body_max(void *state, const struct http_request *request)
{
    (void)state;
    return str_eq(first_segment(request), STR("upload")) ? 1 << 22 : 1000;
}

static bool shop_refuses(void *state, int32_t pid)
{
    const struct shop *shop = state;
    return pid == shop->unwanted_pid;
}

static void shop_close(void *state)
{
    struct shop *shop = state;
    http_server_close(shop->server);
}

static struct shop *shop_open(struct task *t, size_t connections_max)
{
    struct shop *shop = ARENA_NEW(t->mem, struct shop);
    struct http_server_options options = {
        .handle = shop_handle,
        .body_bytes_max = shop_body_max,
        .refuse_pid = shop_refuses,
        .state = shop,
        .connections_max = connections_max,
        .header_timeout_ms = 200,
        .idle_timeout_ms = 5000,
        .body_grace_ms = 200,
        .write_timeout_ms = 300,
    };
    CHECK(http_server_open(t, &options, &shop->server));
    arena_defer(t->mem, shop_close, shop);
    CHECK(http_server_listen_tcp(t, shop->server, STR("127.0.0.1:0"), &shop->address));
    return shop;
}

static struct shop *shop_start(struct task *t)
{
    struct shop *shop = shop_open(t, 0);
    CHECK(http_server_start(t, shop->server));
    return shop;
}

/* ---- raw clients */

static void client_close(void *handle)
{
    stream_close(handle);
}

static struct stream *client_of(struct task *t, const struct shop *shop)
{
    struct stream *s = NULL;
    CHECK(stream_connect_tcp(t, shop->address, &s));
    arena_defer(t->mem, client_close, s);
    stream_set_deadline(s, clock_monotonic_ms() + 10000);
    return s;
}

/* Until the server closes; a reset counts as an end, and is noted. */
static str read_to_end(struct task *t, struct stream *s)
{
    struct buf *b = buf_new(t->mem, 1 << 26);
    char bytes[65536];
    size_t n = 1;
    while (n > 0) {
        if (!stream_read(t, s, bytes, sizeof(bytes), &n)) {
            buf_format(b, "<%s>", error_name(t->err.code));
            task_clear_error(t);
            break;
        }
        buf_add(b, (str){bytes, n});
    }
    return buf_str(b);
}

/* Reads until `needle` has come `times` times. */
static str read_until(struct task *t, struct stream *s, str needle, int times)
{
    struct buf *b = buf_new(t->mem, 1 << 20);
    for (;;) {
        int found = 0;
        for (str rest = buf_str(b); str_find(rest, needle) < rest.len; found++)
            rest = str_from(rest, str_find(rest, needle) + needle.len);
        char byte = 0;
        if (found >= times || !stream_read_exact(t, s, &byte, 1))
            return buf_str(b);
        buf_add_byte(b, byte);
    }
}

static str ask(struct task *t, const struct shop *shop, str bytes)
{
    struct stream *s = client_of(t, shop);
    /* A server that refuses may have closed before all is sent. */
    if (!stream_write(t, s, bytes))
        task_clear_error(t);
    return read_to_end(t, s);
}

static bool has(str s, const char *needle)
{
    return str_find(s, str_of(needle)) < s.len;
}

static str body_of(str answer_bytes)
{
    size_t at = str_find(answer_bytes, STR("\r\n\r\n"));
    return at < answer_bytes.len ? str_from(answer_bytes, at + 4) : STR_NONE;
}

/* ---- what is served */

TEST(http_server_answers_and_closes_when_asked)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    str found = ask(t, shop,
                    STR("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: "
                        "5\r\n\r\nhello"));
    EXPECT(str_starts(found, STR("HTTP/1.1 200 OK\r\nDate: ")));
    EXPECT(has(found, "\r\nServer: weft\r\n"));
    EXPECT(has(found, "\r\nContent-Length: 5\r\n"));
    EXPECT(has(found, "\r\nConnection: close\r\n"));
    EXPECT_STR(body_of(found), "hello");
}

TEST(http_server_shows_the_request_decoded)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    str found = ask(t, shop,
                    STR("GET /show/a%2Fb/%C3%A4/?q=x+y%26&flag&q=2 HTTP/1.1\r\nHost: h:80\r\n"
                        "authorization:  Bearer abc \t\r\nConnection: close\r\n\r\n"));
    EXPECT_STR(body_of(found),
               "GET /show/a%2Fb/%C3%A4/\nsegment show\nsegment a/b\nsegment \xc3\xa4\n"
               "query q=x y&\nquery flag=\nquery q=2\ntoken Bearer abc\nunix 0 uid 4294967295\n");
}

TEST(http_server_keeps_a_connection)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    struct stream *s = client_of(t, shop);
    for (int i = 0; i < 3; i++) {
        EXPECT_OK(
            t, stream_write(t, s,
                            STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n<a>")));
        str found = read_until(t, s, STR("<a>"), 1);
        EXPECT(str_starts(found, STR("HTTP/1.1 200 OK\r\n")));
        EXPECT(!has(found, "Connection:"));
    }
    EXPECT_INT(http_server_connections(shop->server), 1);
}

TEST(http_server_handles_pipelined_requests_in_order)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    str found = ask(t, shop,
                    STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n<a>"
                        "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"
                        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
                        "chunked\r\n\r\n2\r\n<b\r\n1;x=y\r\n>\r\n0\r\nT: v\r\n\r\n"
                        "\r\nPOST /echo HTTP/1.1\r\nHost: h\r\nConnection: "
                        "close\r\nContent-Length: 3\r\n\r\n<c>"));
    size_t a = str_find(found, STR("<a>"));
    size_t one = str_find(found, STR("one"));
    size_t b = str_find(found, STR("<b>"));
    size_t c = str_find(found, STR("<c>"));
    EXPECT(a < one && one < b && b < c && c < found.len);
}

TEST(http_server_streams_in_chunks)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    str found = ask(t, shop, STR("GET /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    EXPECT(has(found, "\r\nTransfer-Encoding: chunked\r\n"));
    EXPECT(has(found, "\r\nX-Kind: stream\r\n"));
    EXPECT(!has(found, "Content-Length"));
    EXPECT_STR(body_of(found), "4\r\none\n\r\n6\r\nthree\n\r\n0\r\n\r\n");
}

TEST(http_server_speaks_the_old_version_without_chunks)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    str found = ask(t, shop, STR("GET /stream HTTP/1.0\r\n\r\n"));
    EXPECT(has(found, "\r\nConnection: close\r\n"));
    EXPECT(!has(found, "chunked"));
    EXPECT_STR(body_of(found), "one\nthree\n");
    found = ask(t, shop, STR("GET /broken HTTP/1.0\r\n\r\n"));
    EXPECT(str_ends(found, STR("<CANCELLED>"))); /* a reset: the end alone would look whole */
}

TEST(http_server_answers_head_without_a_body)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    str found = ask(t, shop,
                    STR("HEAD /show HTTP/1.1\r\nHost: h\r\n\r\n"
                        "HEAD /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    EXPECT(has(found, "\r\nContent-Length: "));
    EXPECT(has(found, "\r\nTransfer-Encoding: chunked\r\n"));
    EXPECT(!has(found, "HEAD /show"));
    EXPECT(!has(found, "one"));
    found = ask(t, shop, STR("GET /empty HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    EXPECT(str_starts(found, STR("HTTP/1.1 204 No Content\r\n")));
    EXPECT(!has(found, "Content-Length"));
}

TEST(http_server_breaks_an_answer_that_failed_midway)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    str found = ask(t, shop, STR("GET /broken HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT(has(found, "4\r\none\n\r\n"));
    EXPECT(!has(found, "\r\n0\r\n"));
}

TEST(http_server_stream_may_become_an_error_before_its_first_byte)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    str found = ask(t, shop, STR("GET /changed HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    EXPECT(str_starts(found, STR("HTTP/1.1 422 ")));
    EXPECT(!has(found, "chunked"));
    EXPECT_STR(body_of(found), "no");
}

TEST(http_server_answers_though_the_deadline_of_the_task_passed)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    str found = ask(t, shop, STR("GET /late HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    EXPECT(str_starts(found, STR("HTTP/1.1 504 Gateway Timeout\r\n")));
}

TEST(http_server_never_leaves_a_request_unanswered)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    EXPECT(str_starts(
        ask(t, shop, STR("GET /nothing HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")),
        STR("HTTP/1.1 500 ")));
    str found = ask(t, shop, STR("GET /split HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    EXPECT(!has(found, "X: y"));
}

TEST(http_server_says_continue_when_it_will_read_on)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    struct stream *s = client_of(t, shop);
    EXPECT_OK(t, stream_write(t, s,
                              STR("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                                  "Connection: close\r\nContent-Length: 5\r\n\r\n")));
    EXPECT_STR(read_until(t, s, STR("\r\n\r\n"), 1), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_OK(t, stream_write(t, s, STR("hello")));
    EXPECT_STR(body_of(read_to_end(t, s)), "hello");
    str found = ask(t, shop,
                    STR("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: "
                        "1001\r\n\r\n"));
    EXPECT(str_starts(found, STR("HTTP/1.1 413 ")));
    found = ask(t, shop,
                STR("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nContent-Length: 1\r\n\r\nx"));
    EXPECT(str_starts(found, STR("HTTP/1.1 417 ")));
}

/* ---- what is refused */

TEST(http_server_refuses_every_doubt_about_framing)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    const char *const attacks[] = {
        "GET /show HTTP/1.1\r\n\r\n",
        "GET /show HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET /show HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /show HTTP/1.1\r\nHost:\r\n\r\n",
        "GET /show HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET /show HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\nx",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: "
        "3\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 0x3\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
        "chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
        "chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
        "chunked\r\n\r\n3;\nabc\r\nabc\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
        "chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        "GET /show HTTP/1.1\nHost: h\n\n",
        "GET /show HTTP/1.1\r\nHost: h\rX: y\r\n\r\n",
        "GET /show HTTP/1.1\r\nHost: h\r\n X: folded\r\n\r\n",
        "GET /show HTTP/1.1\r\nHost: h\r\nX: a\r\n\tfolded\r\n\r\n",
        "GET /show HTTP/1.1\r\nHost : h\r\n\r\n",
        "GET /show HTTP/1.1\r\n Host: h\r\n\r\n",
        "GET /show HTTP/1.1\r\nHost: h\r\nX: a\001b\r\n\r\n",
        "GET /show HTTP/1.1\r\nHost: h\r\nX(y): a\r\n\r\n",
        "GET /show HTTP/1.1\r\nHost: h\r\n: a\r\n\r\n",
        "GET /show HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
        "GET /show HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer a\r\nAuthorization: Bearer "
        "b\r\n\r\n",
        "GET /show\tHTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /show HTTP/2.0\r\nHost: h\r\n\r\n",
        "GET /show HTTP/0.9\r\nHost: h\r\n\r\n",
        "GET /show HTTP/1.2\r\nHost: h\r\n\r\n",
        "GET /show http/1.1\r\nHost: h\r\n\r\n",
        "GET /show\r\nHost: h\r\n\r\n",
        "GET /../show HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /show/%2e%2e/x HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /show/%2 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /show/%00 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /show/%ff HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET //show HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /show?a=%zz HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /show#x HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /sh\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET http://h/show HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET show HTTP/1.1\r\nHost: h\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
        "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "BREW /show HTTP/1.1\r\nHost: h\r\n\r\n",
        "PROPFIND /show HTTP/1.1\r\nHost: h\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        "junk\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
        /* A second request behind each: it must never be answered. */
        str bytes = arena_format(t->mem, "%sGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n", attacks[i]);
        str found = ask(t, shop, bytes);
        str status = str_sub(found, 0, str_find(found, STR("\r\n")));
        bool is_refused = str_starts(status, STR("HTTP/1.1 400 "))
                       || str_starts(status, STR("HTTP/1.1 501 "))
                       || str_starts(status, STR("HTTP/1.1 505 "));
        str second = str_from(found, found.len > 0 ? 1 : 0);
        if (!is_refused || has(second, "HTTP/1.1 ") || !has(found, "\r\nConnection: close\r\n"))
            EXPECT_STR(arena_format(t->mem, "%s gives " STR_FMT, attacks[i], STR_ARG(found)),
                       "refused");
    }
    EXPECT_INT(http_server_running(shop->server, NULL), 0);
}

TEST(http_server_ignores_an_offer_to_upgrade)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    str found = ask(
        t, shop,
        STR("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "
            "h2c\r\n"
            "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nContent-Length: 3\r\n\r\n<a>"
            "POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3\r\n\r\n<b>"));
    EXPECT(has(found, "<a>") && has(found, "<b>"));
}

TEST(http_server_limits_headers)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    struct buf *b = buf_new(t->mem, 1 << 20);
    buf_add(b, STR("GET /show HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"));
    for (int i = 0; i < HTTP_HEADERS_MAX - 2; i++)
        buf_format(b, "X-%d: y\r\n", i);
    str just = arena_format(t->mem, STR_FMT "\r\n", STR_ARG(buf_str(b)));
    EXPECT(str_starts(ask(t, shop, just), STR("HTTP/1.1 200 ")));
    buf_add(b, STR("X-Last: y\r\n\r\n"));
    EXPECT(str_starts(ask(t, shop, buf_str(b)), STR("HTTP/1.1 431 ")));
    const char *const shapes[] = {"GET /show HTTP/1.1\r\nHost: h\r\nX: %.*s\r\n\r\n",
                                  "GET /show HTTP/1.1\r\nHost: h\r\n%.*s: x\r\n\r\n",
                                  "GET /%.*s HTTP/1.1\r\nHost: h\r\n\r\n"};
    char *wide = arena_alloc(t->mem, HTTP_HEADER_BYTES_MAX);
    memset(wide, 'x', HTTP_HEADER_BYTES_MAX);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        buf_clear(b);
        str shape = str_of(shapes[i]);
        size_t at = str_find(shape, STR("%.*s"));
        buf_add(b, str_sub(shape, 0, at));
        buf_add(b, (str){wide, HTTP_HEADER_BYTES_MAX});
        buf_add(b, str_from(shape, at + 4));
        EXPECT(str_starts(ask(t, shop, buf_str(b)), STR("HTTP/1.1 431 ")));
    }
    /* Trailers and chunk extensions count, too. */
    buf_clear(b);
    buf_add(b, STR("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;x="));
    buf_add(b, (str){wide, HTTP_HEADER_BYTES_MAX});
    buf_add(b, STR("\r\na\r\n0\r\n\r\n"));
    EXPECT(str_starts(ask(t, shop, buf_str(b)), STR("HTTP/1.1 431 ")));
    buf_clear(b);
    buf_add(b, STR("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: "));
    buf_add(b, (str){wide, HTTP_HEADER_BYTES_MAX});
    buf_add(b, STR("\r\n\r\n"));
    EXPECT(str_starts(ask(t, shop, buf_str(b)), STR("HTTP/1.1 431 ")));
}

TEST(http_server_limits_bodies_by_route)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    struct buf *b = buf_new(t->mem, 1 << 24);
    char *wide = arena_alloc(t->mem, 3 << 20);
    memset(wide, 'x', 3 << 20);
    buf_add(
        b,
        STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n"));
    buf_add(b, (str){wide, 1000});
    EXPECT(str_starts(ask(t, shop, buf_str(b)), STR("HTTP/1.1 200 ")));
    EXPECT(str_starts(
        ask(t, shop, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n")),
        STR("HTTP/1.1 413 ")));
    buf_clear(b);
    buf_add(b, STR("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n"));
    buf_add(b, (str){wide, 1001});
    buf_add(b, STR("\r\n0\r\n\r\n"));
    EXPECT(str_starts(ask(t, shop, buf_str(b)), STR("HTTP/1.1 413 ")));
    buf_clear(b);
    buf_format(
        b, "POST /upload HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %d\r\n\r\n",
        3 << 20);
    buf_add(b, (str){wide, 3 << 20});
    EXPECT(str_starts(ask(t, shop, buf_str(b)),
                      STR("HTTP/1.1 500 "))); /* read whole, and left unanswered by the handler */
}

TEST(http_server_gives_up_on_slow_requests)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    EXPECT(str_starts(ask(t, shop, STR("GET /show HT")), STR("HTTP/1.1 408 ")));
    EXPECT(str_starts(
        ask(t, shop, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")),
        STR("HTTP/1.1 408 ")));
    EXPECT_STR(ask(t, shop, STR_NONE), "");
    EXPECT_STR(ask(t, shop, STR("\r\n")), "");
    /* Byte by byte: the time is for the whole head. */
    struct stream *s = client_of(t, shop);
    int64_t begun = clock_monotonic_ms();
    bool is_open = true;
    while (is_open && clock_monotonic_ms() - begun < 5000) {
        is_open = stream_write(t, s, STR("G")) && !stream_is_gone(s);
        poll(NULL, 0, 10);
    }
    EXPECT(!is_open);
}

TEST(http_server_gives_up_on_a_client_that_does_not_read)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    struct stream *s = client_of(t, shop);
    EXPECT_OK(t, stream_write(t, s, STR("GET /much HTTP/1.1\r\nHost: h\r\n\r\n")));
    int64_t begun = clock_monotonic_ms();
    while (http_server_connections(shop->server) == 0 && clock_monotonic_ms() - begun < 10000)
        poll(NULL, 0, 1);
    while (http_server_connections(shop->server) > 0 && clock_monotonic_ms() - begun < 10000)
        poll(NULL, 0, 1);
    EXPECT_INT(http_server_connections(shop->server), 0);
    str found = ask(t, shop, STR("GET /much HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    EXPECT(found.len > 10000000 && str_ends(found, STR("\r\n0\r\n\r\n")));
}

/* ---- ends */

static bool wait_for_count(const atomic_int *counter, int least)
{
    int64_t begun = clock_monotonic_ms();
    while (atomic_load(counter) < least && clock_monotonic_ms() - begun < 10000)
        poll(NULL, 0, 1);
    return atomic_load(counter) >= least;
}

TEST(http_server_cancels_the_task_of_a_client_that_hangs_up)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    struct stream *s = NULL;
    REQUIRE_OK(t, stream_connect_tcp(t, shop->address, &s));
    EXPECT_OK(t, stream_write(t, s, STR("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")));
    EXPECT(wait_for_count(&shop->waiting, 1));
    EXPECT_INT(atomic_load(&shop->cancelled), 0);
    EXPECT_INT(http_server_running(shop->server, NULL), 1);
    stream_close(s);
    EXPECT(wait_for_count(&shop->cancelled, 1));
}

TEST(http_server_close_cancels_what_runs)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    struct stream *waiting = client_of(t, shop);
    struct stream *idle = client_of(t, shop);
    EXPECT_OK(t, stream_write(t, waiting, STR("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")));
    EXPECT(wait_for_count(&shop->waiting, 1));
    EXPECT(!http_server_drain(shop->server, 50));
    EXPECT_STR(read_to_end(t, idle), "");
    struct stream *late = NULL;
    EXPECT_FAIL(t, ERR_UNREACHABLE, stream_connect_tcp(t, shop->address, &late));
    http_server_close(shop->server);
    shop->server = NULL;
    EXPECT_INT(atomic_load(&shop->cancelled), 1);
    EXPECT(has(read_to_end(t, waiting), "HTTP/1.1 499 "));
}

TEST(http_server_paused_counts_who_came_and_lets_others_wait)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    struct stream *before = client_of(t, shop);
    http_server_pause(shop->server);
    EXPECT_INT(http_server_connections(shop->server), 1);
    struct stream *after = client_of(t, shop);
    str request = STR("GET /show HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_OK(t, stream_write(t, after, request));
    EXPECT_OK(t, stream_write(t, before, request));
    EXPECT(str_starts(read_to_end(t, before), STR("HTTP/1.1 200 ")));
    EXPECT(http_server_connections(shop->server) <= 1);
    stream_set_deadline(after, clock_monotonic_ms() + 50);
    char byte;
    size_t len;
    EXPECT_FAIL(t, ERR_TIMEOUT, stream_read(t, after, &byte, 1, &len));
    stream_set_deadline(after, 0);
    http_server_resume(shop->server);
    EXPECT(str_starts(read_to_end(t, after), STR("HTTP/1.1 200 ")));
}

TEST(http_server_drain_lets_requests_end)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    struct stream *s = client_of(t, shop);
    EXPECT_OK(t, stream_write(
                     t, s, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab")));
    int64_t begun = clock_monotonic_ms();
    while (http_server_connections(shop->server) == 0 && clock_monotonic_ms() - begun < 10000)
        poll(NULL, 0, 1);
    EXPECT_OK(t, stream_write(t, s, STR("c")));
    str found = read_until(t, s, STR("abc"), 1);
    EXPECT(str_starts(found, STR("HTTP/1.1 200 ")));
    EXPECT(http_server_drain(shop->server, 5000));
    EXPECT_INT(http_server_connections(shop->server), 0);
}

TEST(http_server_refuses_one_connection_too_many)
{
    struct task *t = test_task();
    struct shop *shop = shop_open(t, 2);
    REQUIRE_OK(t, http_server_start(t, shop->server));
    struct stream *first = client_of(t, shop);
    struct stream *second = client_of(t, shop);
    EXPECT_OK(t, stream_write(t, first, STR("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")));
    EXPECT_OK(t, stream_write(t, second, STR("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")));
    EXPECT(wait_for_count(&shop->waiting, 2));
    str found = ask(t, shop, STR("GET /show HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT(str_starts(found, STR("HTTP/1.1 503 ")));
    EXPECT(has(found, "too many connections"));
    EXPECT_INT(http_server_connections(shop->server), 2);
}

TEST(http_server_listens_on_several_addresses_and_knows_unix_peers)
{
    struct task *t = test_task();
    struct shop *shop = shop_open(t, 0);
    str path = arena_format(t->mem, "/tmp/weft-http-%d.sock", (int)getpid());
    str used = STR_NONE;
    struct stream *s = NULL;
    REQUIRE_OK(t, http_server_listen_unix(t, shop->server, path, &used));
    EXPECT_STR(used, path);
    EXPECT_STR(http_server_address(shop->server, 0), shop->address);
    EXPECT_STR(http_server_address(shop->server, 1), path);
    EXPECT_STR(http_server_address(shop->server, 2), "");
    REQUIRE_OK(t, http_server_start(t, shop->server));
    str request = STR("GET /show HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    REQUIRE_OK(t, stream_connect_unix(t, path, &s));
    EXPECT_OK(t, stream_write(t, s, request));
    str found = read_to_end(t, s);
    EXPECT(str_ends(found, arena_format(t->mem, "unix 1 uid %u\n", (unsigned)getuid())));
    stream_close(s);
    EXPECT(has(ask(t, shop, request), "unix 0"));
    shop->unwanted_pid = getpid();
    REQUIRE_OK(t, stream_connect_unix(t, path, &s));
    if (!stream_write(t, s, request))
        task_clear_error(t);
    EXPECT(!has(read_to_end(t, s), "HTTP/1.1 200"));
    stream_close(s);
}

TEST(http_server_without_an_address_does_not_start)
{
    struct task *t = test_task();
    struct http_server *server = NULL;
    struct http_server_options options = {.handle = shop_handle};
    REQUIRE_OK(t, http_server_open(t, &options, &server));
    EXPECT_FAIL(t, ERR_CONFIG, http_server_start(t, server));
    http_server_close(server);
}

TEST(http_fields_encode_what_they_decode)
{
    struct task *t = test_task();
    str out = STR_NONE;
    EXPECT_STR(http_percent_encode(t->mem, STR("a/b \xc3\xa4~")), "a%2Fb%20%C3%A4~");
    EXPECT(http_percent_decode(t->mem, STR("a%2Fb%20%c3%a4~+"), false, &out));
    EXPECT_STR(out, "a/b \xc3\xa4~+");
    EXPECT(!http_percent_decode(t->mem, STR("%"), false, &out));
    EXPECT(!http_percent_decode(t->mem, STR("%4"), false, &out));
    struct http_fields fields = {.len = 0};
    EXPECT(http_fields_parse_query(t->mem, STR("a=1&&b=x=y&c"), &fields));
    EXPECT_INT(fields.len, 3);
    EXPECT_STR(http_fields_value(&fields, STR("B")), "x=y");
    EXPECT(http_fields_find(&fields, STR("d")) == NULL);
}

enum { CROWD = 16, CROWD_REQUESTS = 40 };

/* Some keep their connection, some hang up without reading the answer, some make a new one. */
static void *crowd_member(void *state)
{
    const struct shop *shop = state;
    struct task *t = task_new();
    struct stream *s = NULL;
    intptr_t answered = 0;
    for (int i = 0; i < CROWD_REQUESTS; i++) {
        if (s == NULL && !stream_connect_tcp(t, shop->address, &s))
            break;
        stream_set_deadline(s, clock_monotonic_ms() + 10000);
        if (!stream_write(t, s, STR("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")))
            break;
        if (i % 7 != 3)
            answered +=
                str_ends(read_until(t, s, STR("0\r\n\r\n"), 1), STR("three\n\r\n0\r\n\r\n"));
        if (i % 7 == 3 || i % 5 == 4) {
            stream_close(s);
            s = NULL;
        }
    }
    stream_close(s);
    task_free(t);
    return (void *)answered;
}

TEST(http_server_serves_many_at_once)
{
    struct task *t = test_task();
    struct shop *shop = shop_start(t);
    pthread_t threads[CROWD];
    for (int i = 0; i < CROWD; i++)
        REQUIRE(pthread_create(&threads[i], NULL, crowd_member, shop) == 0);
    intptr_t answered = 0;
    for (int i = 0; i < CROWD; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        answered += (intptr_t)result;
    }
    EXPECT_INT(answered, CROWD * (CROWD_REQUESTS - 6));
}
