#include "http_client/http_client.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "buf/buf.h"
#include "limits/limits.h"
#include "stream/stream.h"

enum { CONNECT_TIMEOUT_MS = 10000, WAIT_SLICE_MS = 50 };

enum call_end { CALL_GOES_ON, CALL_STOPPED, CALL_FAILED };

struct call {
    struct task *t;
    CURL *curl;
    CURLM *multi;
    struct curl_slist *headers;
    int folder; /* keeps a long socket path usable; -1 when there is none */
    char error[CURL_ERROR_SIZE];
    struct http_answer *answer;
    const struct http_receiver *receiver;
    bool has_begun;
    enum call_end end; /* said by a receiver, which curl only knows as "write error" */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_library(void)
{
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

static void call_close(void *handle)
{
    struct call *call = handle;
    if (call->multi != NULL && call->curl != NULL)
        curl_multi_remove_handle(call->multi, call->curl);
    if (call->curl != NULL)
        curl_easy_cleanup(call->curl);
    if (call->multi != NULL)
        curl_multi_cleanup(call->multi);
    curl_slist_free_all(call->headers);
    if (call->folder >= 0)
        close(call->folder);
}

/* Notes why the receiver wants no more. */
static bool stop(struct call *call)
{
    call->end = call->t->err.code != ERR_NONE ? CALL_FAILED : CALL_STOPPED;
    return false;
}

static bool begin(struct call *call)
{
    const struct http_receiver *receiver = call->receiver;
    if (call->has_begun)
        return true;
    call->has_begun = true;
    call->answer->content_type = http_fields_value(&call->answer->headers, STR("content-type"));
    if (receiver->begin != NULL && !receiver->begin(call->t, receiver->state, call->answer))
        return stop(call);
    return true;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *state)
{
    struct call *call = state;
    struct http_answer *answer = call->answer;
    str line = str_trim((str){bytes, size * count});
    str name = STR_NONE;
    str value = STR_NONE;
    long status = 0;
    if (call->has_begun)
        return size * count; /* a trailer */
    if (str_starts(line, STR("HTTP/"))) {
        answer->headers.len = 0; /* The head before was a 100. */
        return size * count;
    }
    if (line.len == 0) {
        curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &status);
        answer->status = (int)status;
        return status < 200 || begin(call) ? size * count : 0;
    }
    if (answer->headers.len < HTTP_HEADERS_MAX && str_cut(line, ':', &name, &value))
        http_fields_add(call->t->mem, &answer->headers, arena_lower(call->t->mem, str_trim(name)),
                        arena_str(call->t->mem, str_trim(value)));
    return size * count;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *state)
{
    struct call *call = state;
    const struct http_receiver *receiver = call->receiver;
    if (!begin(call))
        return 0;
    if (!receiver->bytes(call->t, receiver->state, (str){bytes, size * count})) {
        stop(call);
        return 0;
    }
    return size * count;
}

static bool is_one_line(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 127)
            return false;
    return true;
}

static bool add_header(struct call *call, str name, str value)
{
    struct task *t = call->t;
    if (!is_one_line(name) || !is_one_line(value))
        return task_fail(t, ERR_USAGE, "the header " STR_FMT " holds a control character",
                         STR_ARG(name));
    /* A name with a semicolon is how curl sends an empty value. */
    str line = value.len > 0
                 ? arena_format(t->mem, STR_FMT ": " STR_FMT, STR_ARG(name), STR_ARG(value))
                 : arena_format(t->mem, STR_FMT ";", STR_ARG(name));
    struct curl_slist *longer = curl_slist_append(call->headers, arena_c_string(t->mem, line));
    CHECK(longer != NULL);
    call->headers = longer;
    return true;
}

static bool set_headers(struct call *call, const struct http_target *target,
                        const struct http_fields *headers, str body)
{
    bool has_type = false;
    if (target->token.len > 0
        && !add_header(call, STR("Authorization"),
                       arena_format(call->t->mem, "Bearer " STR_FMT, STR_ARG(target->token))))
        return false;
    for (size_t i = 0; headers != NULL && i < headers->len; i++) {
        has_type = has_type || str_eq_nocase(headers->at[i].name, STR("content-type"));
        if (!add_header(call, headers->at[i].name, headers->at[i].value))
            return false;
    }
    if (body.len > 0 && !has_type
        && !add_header(call, STR("Content-Type"), STR("application/json")))
        return false;
    curl_easy_setopt(call->curl, CURLOPT_HTTPHEADER, call->headers);
    return true;
}

static void set_method(struct call *call, str method, str body)
{
    bool has_body = body.len > 0 || str_eq(method, STR("POST")) || str_eq(method, STR("PUT"))
                 || str_eq(method, STR("PATCH"));
    if (has_body) {
        curl_easy_setopt(call->curl, CURLOPT_POST, 1L);
        curl_easy_setopt(call->curl, CURLOPT_POSTFIELDS, body.len > 0 ? body.ptr : "");
        curl_easy_setopt(call->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    }
    if (str_eq(method, STR("HEAD")))
        curl_easy_setopt(call->curl, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(call->curl, CURLOPT_CUSTOMREQUEST, arena_c_string(call->t->mem, method));
}

static bool set_target(struct call *call, const struct http_target *target, str path)
{
    struct task *t = call->t;
    str url = target->url;
    if (!str_starts(path, STR("/")))
        return task_fail(t, ERR_USAGE, "the path " STR_FMT " does not begin with a slash",
                         STR_ARG(path));
    if (target->socket_path.len > 0) {
        char usable[STREAM_PATH_BYTES];
        if (!stream_short_path(t, target->socket_path, usable, &call->folder))
            return false;
        curl_easy_setopt(call->curl, CURLOPT_UNIX_SOCKET_PATH, usable);
        url = STR("http://localhost");
    } else if (!str_starts(url, STR("http://")) && !str_starts(url, STR("https://"))) {
        task_fail(t, ERR_USAGE, "`" STR_FMT "` is no URL of a server", STR_ARG(url));
        return task_hint(t, "write http://HOST:PORT");
    }
    if (str_ends(url, STR("/")))
        url = str_sub(url, 0, url.len - 1);
    str whole = arena_format(t->mem, STR_FMT STR_FMT, STR_ARG(url), STR_ARG(path));
    curl_easy_setopt(call->curl, CURLOPT_URL, arena_c_string(t->mem, whole));
    curl_easy_setopt(call->curl, CURLOPT_PATH_AS_IS, 1L);
    return true;
}

static void set_habits(struct call *call)
{
    CURL *curl = call->curl;
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, call->error);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "weft");
}

static bool fail_call(struct call *call, CURLcode code, const struct http_target *target)
{
    struct task *t = call->t;
    str server = target->socket_path.len > 0 ? target->socket_path : target->url;
    const char *reason = call->error[0] != '\0' ? call->error : curl_easy_strerror(code);
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
        task_fail(t, ERR_UNREACHABLE, "cannot reach the server at " STR_FMT, STR_ARG(server));
        task_detail(t, "%s", reason);
        return task_hint(t, "is it running, and is this its address?");
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        task_fail(t, ERR_USAGE, "`" STR_FMT "` is no URL of a server", STR_ARG(server));
        return task_detail(t, "%s", reason);
    default:
        task_fail(t, ERR_PROTOCOL, "the answer of the server broke off");
        task_detail(t, "%s", reason);
        return task_hint(t, "the work was stopped midway or the server ended; its log says why");
    }
}

static bool perform(struct call *call, const struct http_target *target)
{
    struct task *t = call->t;
    int running = 1;
    while (running > 0) {
        CURLMcode status = curl_multi_perform(call->multi, &running);
        if (status == CURLM_OK && running > 0 && task_go_on(t))
            status = curl_multi_poll(call->multi, NULL, 0, task_left_ms(t, WAIT_SLICE_MS), NULL);
        if (status != CURLM_OK)
            return task_fail(t, ERR_INTERNAL, "libcurl: %s", curl_multi_strerror(status));
        if (running > 0 && !task_go_on(t))
            return false;
    }
    int left = 0;
    const CURLMsg *message = curl_multi_info_read(call->multi, &left);
    CHECK(message != NULL && message->msg == CURLMSG_DONE);
    if (call->end == CALL_FAILED)
        return false;
    if (call->end == CALL_STOPPED || message->data.result == CURLE_OK)
        return true;
    return fail_call(call, message->data.result, target);
}

bool http_call_stream(struct task *t, const struct http_target *target, str method, str path,
                      const struct http_fields *headers, str body,
                      const struct http_receiver *receiver, struct http_answer *out)
{
    pthread_once(&once, init_library);
    *out = (struct http_answer){.status = 0};
    struct call *call = ARENA_NEW(t->mem, struct call);
    call->t = t;
    call->folder = -1;
    call->answer = out;
    call->receiver = receiver;
    arena_defer(t->mem, call_close, call);
    call->curl = curl_easy_init();
    call->multi = curl_multi_init();
    CHECK(call->curl != NULL && call->multi != NULL);
    set_habits(call);
    set_method(call, method, body);
    bool ok = set_target(call, target, path) && set_headers(call, target, headers, body);
    if (ok) {
        CHECK(curl_multi_add_handle(call->multi, call->curl) == CURLM_OK);
        ok = perform(call, target);
    }
    arena_close(t->mem, call);
    return ok;
}

static bool keep_bytes(struct task *t, void *state, str bytes)
{
    if (buf_add(state, bytes))
        return true;
    return task_fail(t, ERR_LIMIT, "the answer is larger than %d bytes",
                     (int)HTTP_ANSWER_BYTES_MAX);
}

bool http_call(struct task *t, const struct http_target *target, str method, str path,
               const struct http_fields *headers, str body, struct http_answer *out)
{
    struct buf *kept = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);
    struct http_receiver receiver = {.state = kept, .bytes = keep_bytes};
    if (!http_call_stream(t, target, method, path, headers, body, &receiver, out))
        return false;
    out->body = buf_str(kept);
    return true;
}
