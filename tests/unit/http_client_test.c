#include "http_client/http_client.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf/buf.h"
#include "clock/clock.h"
#include "http_server/http_server.h"
#include "limits/limits.h"
#include "test.h"

struct counter_side {
    struct http_server *server;
    str url, path;
    atomic_int cancelled;
};

static bool stream_lines(struct task *t, struct http_exchange *x, int count, bool breaks)
{
    bool ok = http_begin_stream(t, x, 200, STR("application/x-ndjson"), NULL);
    for (int i = 0; ok && i < count; i++)
        ok = http_stream_bytes(t, x, arena_format(t->mem, "[%d]\n", i));
    if (breaks)
        http_abort_stream(x);
    return ok && (breaks || http_end_stream(t, x));
}

static bool answer(struct counter_side *side, struct task *t, struct http_exchange *x)
{
    const struct http_request *request = http_request(x);
    str path = request->segments.len > 0 ? request->segments.at[0] : STR_NONE;
    if (str_eq(path, STR("lines")))
        return stream_lines(t, x, 1000, false);
    if (str_eq(path, STR("broken")))
        return stream_lines(t, x, 10, true);
    if (str_eq(path, STR("silent"))) {
        http_abort_stream(x);
        return true;
    }
    if (str_eq(path, STR("wait"))) {
        while (task_go_on(t))
            poll(NULL, 0, 1);
        atomic_fetch_add(&side->cancelled, 1);
        return false;
    }
    struct buf *b = buf_new(t->mem, 1 << 26);
    buf_format(b, STR_FMT " " STR_FMT " token=" STR_FMT " type=" STR_FMT " x=" STR_FMT " unix=%d\n",
               STR_ARG(request->method), STR_ARG(request->target),
               STR_ARG(http_fields_value(&request->headers, STR("authorization"))),
               STR_ARG(http_fields_value(&request->headers, STR("content-type"))),
               STR_ARG(http_fields_value(&request->headers, STR("x-some"))), request->peer.is_unix);
    buf_add(b, request->body);
    struct http_fields headers = {.len = 0};
    http_fields_add(t->mem, &headers, STR("ETag"), STR("\"7\""));
    return http_respond(t, x, str_eq(path, STR("missing")) ? 404 : 200, STR("text/plain"), &headers,
                        buf_str(b));
}

static void handle(void *state, struct task *t, struct http_exchange *x)
{
    if (!answer(state, t, x))
        http_abort_stream(x);
}

static size_t body_max(void *state, const struct http_request *request)
{
    (void)state;
    (void)request;
    return BUNDLE_BYTES_MAX;
}

static void remove_folder(void *path)
{
    rmdir(path);
}

static void side_close(void *state)
{
    struct counter_side *side = state;
    http_server_close(side->server);
}

static struct counter_side *side_start(struct task *t)
{
    struct counter_side *side = ARENA_NEW(t->mem, struct counter_side);
    struct http_server_options options = {
        .handle = handle, .body_bytes_max = body_max, .state = side};
    char *folder = arena_c_string(t->mem, STR("/tmp/weft-client-XXXXXX"));
    str address = STR_NONE;
    CHECK(mkdtemp(folder) != NULL);
    arena_defer(t->mem, remove_folder, folder);
    CHECK(http_server_open(t, &options, &side->server));
    arena_defer(t->mem, side_close, side);
    CHECK(http_server_listen_tcp(t, side->server, STR("127.0.0.1:0"), &address));
    side->url = arena_format(t->mem, "http://" STR_FMT, STR_ARG(address));
    side->path = arena_format(t->mem, "%s/weft.sock", folder);
    CHECK(http_server_listen_unix(t, side->server, side->path, NULL));
    CHECK(http_server_start(t, side->server));
    return side;
}

TEST(http_client_calls_over_tcp_with_a_token)
{
    struct task *t = test_task();
    struct counter_side *side = side_start(t);
    struct http_target target = {.url = side->url, .token = STR("abc")};
    struct http_fields headers = {.len = 0};
    http_fields_add(t->mem, &headers, STR("X-Some"), STR("thing"));
    struct http_answer answer_out;
    REQUIRE_OK(t, http_call(t, &target, STR("POST"), STR("/a/../b?c=d"), &headers, STR("{}"),
                            &answer_out));
    EXPECT_INT(answer_out.status, 400); /* sent as it is, and refused there */
    REQUIRE_OK(
        t, http_call(t, &target, STR("POST"), STR("/a/b?c=d"), &headers, STR("{}"), &answer_out));
    EXPECT_INT(answer_out.status, 200);
    EXPECT_STR(answer_out.content_type, "text/plain");
    EXPECT_STR(http_fields_value(&answer_out.headers, STR("etag")), "\"7\"");
    EXPECT_STR(answer_out.body,
               "POST /a/b?c=d token=Bearer abc type=application/json x=thing unix=0\n{}");
}

TEST(http_client_ignores_proxies_of_the_environment)
{
    struct task *t = test_task();
    struct counter_side *side = side_start(t);
    struct http_target target = {.url = side->url};
    struct http_answer answer_out;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    EXPECT_OK(t, http_call(t, &target, STR("GET"), STR("/a"), NULL, STR_NONE, &answer_out));
    target = (struct http_target){.socket_path = side->path};
    EXPECT_OK(t, http_call(t, &target, STR("GET"), STR("/a"), NULL, STR_NONE, &answer_out));
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

TEST(http_client_calls_over_a_unix_socket_with_every_method)
{
    struct task *t = test_task();
    struct counter_side *side = side_start(t);
    struct http_target target = {.socket_path = side->path};
    struct http_answer answer_out;
    const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        REQUIRE_OK(t, http_call(t, &target, str_of(methods[i]), STR("/missing"), NULL, STR_NONE,
                                &answer_out));
        EXPECT_INT(answer_out.status, 404);
        EXPECT(
            str_starts(answer_out.body, arena_format(t->mem, "%s /missing token= ", methods[i])));
        EXPECT(str_find(answer_out.body, STR("unix=1")) < answer_out.body.len);
    }
    REQUIRE_OK(t, http_call(t, &target, STR("HEAD"), STR("/a"), NULL, STR_NONE, &answer_out));
    EXPECT_INT(answer_out.status, 200);
    EXPECT_STR(answer_out.body, "");
    EXPECT_STR(http_fields_value(&answer_out.headers, STR("etag")), "\"7\"");
    size_t len = 5 << 20;
    char *much = arena_alloc(t->mem, len);
    memset(much, 'x', len);
    REQUIRE_OK(t,
               http_call(t, &target, STR("POST"), STR("/a"), NULL, (str){much, len}, &answer_out));
    EXPECT_INT(answer_out.status, 200);
    EXPECT(answer_out.body.len > len && str_ends(answer_out.body, (str){much, len}));
}

struct taken {
    int begun;
    struct buf *bytes;
    size_t stop_at;
    bool fails;
};

static bool take_begin(struct task *t, void *state, const struct http_answer *answer_in)
{
    struct taken *taken = state;
    (void)t;
    taken->begun++;
    EXPECT_STR(answer_in->content_type, "application/x-ndjson");
    return true;
}

static bool take_bytes(struct task *t, void *state, str bytes)
{
    struct taken *taken = state;
    buf_add(taken->bytes, bytes);
    if (taken->bytes->len < taken->stop_at || taken->stop_at == 0)
        return true;
    return taken->fails && task_fail(t, ERR_FULL, "no room");
}

TEST(http_client_streams_and_may_stop)
{
    struct task *t = test_task();
    struct counter_side *side = side_start(t);
    struct http_target target = {.socket_path = side->path};
    struct taken taken = {.bytes = buf_new(t->mem, 1 << 20)};
    struct http_receiver receiver = {&taken, take_begin, take_bytes};
    struct http_answer answer_out;
    REQUIRE_OK(t, http_call_stream(t, &target, STR("GET"), STR("/lines"), NULL, STR_NONE, &receiver,
                                   &answer_out));
    EXPECT_INT(taken.begun, 1);
    EXPECT(str_starts(buf_str(taken.bytes), STR("[0]\n[1]\n"))
           && str_ends(buf_str(taken.bytes), STR("[999]\n")));
    taken.stop_at = 1;
    EXPECT_OK(t, http_call_stream(t, &target, STR("GET"), STR("/lines"), NULL, STR_NONE, &receiver,
                                  &answer_out));
    taken.fails = true;
    EXPECT_FAIL(t, ERR_FULL,
                http_call_stream(t, &target, STR("GET"), STR("/lines"), NULL, STR_NONE, &receiver,
                                 &answer_out));
}

TEST(http_client_notices_an_answer_that_broke_off)
{
    struct task *t = test_task();
    struct counter_side *side = side_start(t);
    struct http_target target = {.socket_path = side->path};
    struct http_answer answer_out;
    EXPECT_FAIL(t, ERR_PROTOCOL,
                http_call(t, &target, STR("GET"), STR("/broken"), NULL, STR_NONE, &answer_out));
    EXPECT(t->err.hint.len > 0 && t->err.detail.len > 0);
    EXPECT_FAIL(t, ERR_PROTOCOL,
                http_call(t, &target, STR("GET"), STR("/silent"), NULL, STR_NONE, &answer_out));
    target = (struct http_target){.url = side->url};
    EXPECT_FAIL(t, ERR_PROTOCOL,
                http_call(t, &target, STR("GET"), STR("/broken"), NULL, STR_NONE, &answer_out));
}

TEST(http_client_says_when_nobody_is_there)
{
    struct task *t = test_task();
    struct http_answer answer_out;
    struct http_target target = {.socket_path = STR("/tmp/weft-nobody.sock")};
    EXPECT_FAIL(t, ERR_UNREACHABLE,
                http_call(t, &target, STR("GET"), STR("/a"), NULL, STR_NONE, &answer_out));
    EXPECT(t->err.hint.len > 0);
    target = (struct http_target){.url = STR("http://127.0.0.1:1")};
    EXPECT_FAIL(t, ERR_UNREACHABLE,
                http_call(t, &target, STR("GET"), STR("/a"), NULL, STR_NONE, &answer_out));
    target = (struct http_target){.url = STR("ftp://127.0.0.1")};
    EXPECT_FAIL(t, ERR_USAGE,
                http_call(t, &target, STR("GET"), STR("/a"), NULL, STR_NONE, &answer_out));
    target = (struct http_target){.url = STR("http://127.0.0.1:1"), .token = STR("a\r\nX: y")};
    EXPECT_FAIL(t, ERR_USAGE,
                http_call(t, &target, STR("GET"), STR("/a"), NULL, STR_NONE, &answer_out));
}

static void *cancel_soon(void *arg)
{
    poll(NULL, 0, 50);
    task_cancel(arg);
    return NULL;
}

TEST(http_client_ends_at_the_deadline_and_at_cancel_and_the_server_notices)
{
    struct task *t = test_task();
    struct counter_side *side = side_start(t);
    struct http_target target = {.socket_path = side->path};
    struct http_answer answer_out;
    t->deadline_ms = clock_monotonic_ms() + 50;
    EXPECT_FAIL(t, ERR_TIMEOUT,
                http_call(t, &target, STR("GET"), STR("/wait"), NULL, STR_NONE, &answer_out));
    t->deadline_ms = 0;
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, cancel_soon, t) == 0);
    EXPECT_FAIL(t, ERR_CANCELLED,
                http_call(t, &target, STR("GET"), STR("/wait"), NULL, STR_NONE, &answer_out));
    pthread_join(thread, NULL);
    int64_t begun = clock_monotonic_ms();
    while (atomic_load(&side->cancelled) < 2 && clock_monotonic_ms() - begun < 10000)
        poll(NULL, 0, 1);
    EXPECT_INT(atomic_load(&side->cancelled), 2);
}
