/* Answers and problems, and what a body holds. */
#include <inttypes.h>

#include "http_inside.h"
#include "limits/limits.h"
#include "plan/plan.h"

struct json_out api_json(struct task *t)
{
    return (struct json_out){.b = buf_new(t->mem, API_ANSWER_BYTES_MAX)};
}

bool api_end_failed(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    struct buf *error = buf_new(t->mem, API_ANSWER_BYTES_MAX);
    struct task *last;
    bool ok;

    if (!http_is_sent(api->x)) {
        return false;
    }
    error_json(&t->err, error);
    json_out_begin(&o, "", '{');
    json_out_raw(&o, "error", buf_str(error));
    json_out_end(&o, '}');
    buf_add_byte(o.b, '\n');
    last = task_new();
    ok = http_stream_bytes(last, api->x, buf_str(o.b)) && http_end_stream(last, api->x);
    task_free(last);
    return ok;
}

bool api_answer(struct task *t, struct api *api, int status, const struct buf *json)
{
    if (json->full) {
        return task_fail(t, ERR_LIMIT, "the answer is too large");
    }
    return http_respond(t, api->x, status, STR("application/json"), NULL, buf_str(json));
}

void api_problem(struct task *t, struct api *api)
{
    const struct error *error = &t->err;
    struct json_out o = api_json(t);
    struct http_fields headers = {0};
    int status = error_http_status(error->code);
    struct task *last;

    json_out_begin(&o, "", '{');
    json_out_str(&o, "type", STR("about:blank"));
    json_out_str(&o, "title", str_of(http_status_text(status)));
    json_out_int(&o, "status", status);
    json_out_str(&o, "code", str_of(error_name(error->code)));
    json_out_str(&o, "detail", error->message);
    if (error->detail.len > 0) {
        json_out_str(&o, "more", error->detail);
    }
    if (error->hint.len > 0) {
        json_out_str(&o, "hint", error->hint);
    }
    if (error->position > 0) {
        json_out_uint(&o, "position", error->position);
    }
    if (error->place.file.len > 0) {
        json_out_str(&o, "file", error->place.file);
        json_out_uint(&o, "line", error->place.line);
        json_out_uint(&o, "column", error->place.column);
        json_out_maybe(&o, "path", error->place.path);
    }
    if (api->findings != NULL) {
        struct buf *findings = buf_new(t->mem, API_ANSWER_BYTES_MAX);
        report_json(api->findings, findings);
        if (!findings->full) {
            json_out_raw(&o, "findings", buf_str(findings));
        }
    }
    if (api->plan != NULL) {
        plan_put_contract_changes(t, api->plan, &o);
    }
    json_out_str(&o, "request", str_of(t->id));
    json_out_end(&o, '}');
    if (status == 401) {
        http_fields_add(t->mem, &headers, STR("WWW-Authenticate"), STR("Bearer"));
    }
    /* A task past its deadline or cancelled can still say so. */
    last = task_new();
    if (!http_respond(last, api->x, status, STR("application/problem+json"), &headers,
                      buf_str(o.b))) {
        http_abort_stream(api->x);
    }
    task_free(last);
}

bool api_keys(struct task *t, const struct api *api, const char *keys)
{
    struct str_list known = {0};
    str rest = str_of(keys), key;

    while (rest.len > 0) {
        (void)str_cut(rest, ' ', &key, &rest);
        str_list_add(t->mem, &known, key);
    }
    if (api->body == NULL) {
        return task_fail(t, ERR_USAGE, "a JSON body is missing; it may have: %s", keys);
    }
    for (size_t i = 0; i < api->body->len; i++) {
        if (!str_list_has(&known, api->body->at[i]->key)) {
            task_fail(t, ERR_USAGE, "the body has an unknown member %.*s",
                      STR_ARG(api->body->at[i]->key));
            return task_hint(t, "known: %.*s", STR_ARG(str_list_join(t->mem, &known, STR(", "))));
        }
    }
    return true;
}

bool api_text(struct task *t, const struct api *api, const char *key, bool is_required, str *out)
{
    const struct tree *value = tree_find(api->body, str_of(key));

    *out = STR_NONE;
    if (value == NULL) {
        return !is_required || task_fail(t, ERR_USAGE, "the body lacks %s", key);
    }
    if (!tree_is_string(value)) {
        return task_fail(t, ERR_USAGE, "%s is not a text", key);
    }
    *out = value->text;
    return true;
}

static bool api_in_range(struct task *t, const char *key, int64_t value, int64_t least,
                         int64_t most)
{
    return (value >= least && value <= most)
        || task_fail(t, ERR_USAGE, "%s is not a number from %" PRId64 " to %" PRId64, key, least,
                     most);
}

bool api_number(struct task *t, const struct api *api, const char *key, int64_t least, int64_t most,
                int64_t *out)
{
    const struct tree *value = tree_find(api->body, str_of(key));

    *out = 0;
    if (value == NULL) {
        return true;
    }
    return api_in_range(t, key, tree_is_int(value, out) ? *out : least - 1, least, most);
}

bool api_query_number(struct task *t, const struct api *api, const char *key, int64_t fallback,
                      int64_t least, int64_t most, int64_t *out)
{
    const struct http_field *field = http_fields_find(&api->request->query, str_of(key));

    *out = fallback;
    if (field == NULL) {
        return true;
    }
    return api_in_range(t, key, str_to_i64(field->value, out) ? *out : least - 1, least, most);
}
