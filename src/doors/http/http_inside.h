/* What the parts of the HTTP door share: one call is one request on its way. */
#ifndef WEFT_HTTP_INSIDE_H
#define WEFT_HTTP_INSIDE_H

#include "http/http.h"
#include "http_server/http_server.h"
#include "json_out/json_out.h"
#include "tree/tree.h"

enum { HTTP_PARAMETERS_MAX = 2 };

struct http_door {
    struct services *services;
    struct http_server *server;
    str address;
    struct arena *mem;
    atomic_bool is_ready;
    uint32_t owner_uid; /* of the home */
    str owner_name;
};

/* One request. */
struct api {
    struct http_door *door;
    struct services *services;
    struct http_exchange *x;
    const struct http_request *request;
    str environment; /* that the path names: /env/NAME/api/…; its services are `services` then */
    str parameters[HTTP_PARAMETERS_MAX]; /* of the path, in order */
    const struct tree *body;             /* a JSON document; NULL when there is none */
    const struct report *findings;       /* told with an error */
    const struct plan *plan;             /* whose changes of contracts are told with it */
};

typedef bool api_fn(struct task *t, struct api *api);
#define ROUTE(name, method, path, who, meaning) api_fn api_##name;
#include "routes.def"
#undef ROUTE

/* What of the API an environment answers, and how whoever asks is in it; false: nothing of this. */
bool api_env_answers(api_fn *answer, int *use_out);

/* 200 with a JSON body of at most HTTP_ANSWER_MAX bytes; `status` for others. */
enum { API_ANSWER_BYTES_MAX = 64 << 20 };
MUST_CHECK bool api_answer(struct task *t, struct api *api, int status, const struct buf *json);
struct json_out api_json(struct task *t);
/* Of an answer in lines that has begun: the error of the task as its last line, and its end. False when there is no first byte yet. */
MUST_CHECK bool api_end_failed(struct task *t, struct api *api);
/* The error of the task as problem details. */
void api_problem(struct task *t, struct api *api);
/* After users or products went: what was agreed for them ends before anybody may come under their names. */
void api_end_access(struct api *api);
struct run_how;
/* How products are to be run, from the body. */
MUST_CHECK bool api_wanted_how(struct task *t, const struct api *api, str products,
                               struct run_how *out);
/* From here on the actor asks for this purpose; nothing where it is empty. */
void api_bind_purpose(struct task *t, str purpose);
/* Members of the body; ERR_USAGE names the one that is missing or of another type. */
MUST_CHECK bool api_text(struct task *t, const struct api *api, const char *key, bool is_required,
                         str *out);
MUST_CHECK bool api_number(struct task *t, const struct api *api, const char *key, int64_t least,
                           int64_t most, int64_t *out);
/* Every key of the body is one of these, separated by spaces. */
MUST_CHECK bool api_keys(struct task *t, const struct api *api, const char *keys);
/* A number of the query string, or `fallback`. */
MUST_CHECK bool api_query_number(struct task *t, const struct api *api, const char *key,
                                 int64_t fallback, int64_t least, int64_t most, int64_t *out);

#endif
