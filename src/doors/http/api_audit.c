#include "clock/clock.h"
#include "http_inside.h"
#include "login/login.h"
#include "review/review.h"

enum { API_AUDIT_MAX = 10000, API_AUDIT_DEFAULT = 100 };

static bool api_sees_all(struct task *t, struct api *api)
{
    if (login_demand_admin(t, api->services)) {
        return true;
    }
    task_clear_error(t);
    return false;
}

static bool api_query_time(struct task *t, const struct api *api, const char *key, int64_t *out)
{
    str text = http_fields_value(&api->request->query, str_of(key));

    *out = 0;
    if (text.len == 0 || clock_parse(text, out)) {
        return true;
    }
    task_fail(t, ERR_USAGE, "%s is no time: %.*s", key, STR_ARG(text));
    return task_hint(t, "write a date as 2027-01-31, or a time as 2027-01-31T08:30:00Z");
}

/* A misspelt filter must not show more than was asked for. */
static bool api_audit_keys(struct task *t, const struct api *api)
{
    static const char known[] = "actor action object since until after limit";

    for (size_t i = 0; i < api->request->query.len; i++) {
        str rest = str_of(known), key;
        bool is_known = false;

        while (rest.len > 0 && !is_known) {
            (void)str_cut(rest, ' ', &key, &rest);
            is_known = str_eq(key, api->request->query.at[i].name);
        }
        if (!is_known) {
            task_fail(t, ERR_USAGE, "the audit is not filtered by %.*s",
                      STR_ARG(api->request->query.at[i].name));
            return task_hint(t, "known: %s", known);
        }
    }
    return true;
}

bool api_audit_list(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    const struct http_fields *query = &api->request->query;
    struct audit_filter filter = {.actor = http_fields_value(query, STR("actor")),
                                  .action = http_fields_value(query, STR("action")),
                                  .object = http_fields_value(query, STR("object")),
                                  .is_newest = http_fields_find(query, STR("after")) == NULL};
    int64_t after, most;

    if (!api_audit_keys(t, api) || !api_query_number(t, api, "after", 0, 0, INT64_MAX, &after)
        || !api_query_number(t, api, "limit", API_AUDIT_DEFAULT, 1, API_AUDIT_MAX, &most)
        || !api_query_time(t, api, "since", &filter.since_us)
        || !api_query_time(t, api, "until", &filter.until_us)) {
        return false;
    }
    filter.after = (uint64_t)after;
    filter.most = (uint64_t)most;
    json_out_begin(&o, "", '{');
    if (!review_show(t, api->services, api_sees_all(t, api), &filter, &o)) {
        return false;
    }
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}

bool api_audit_head(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    struct chain_head head;

    if (!review_head(t, api->services, &head)) {
        return false;
    }
    review_write_head(&head, &o);
    return api_answer(t, api, 200, o.b);
}

bool api_audit_key(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    json_out_begin(&o, "", '{');
    json_out_str(&o, "home", str_of(api->services->home_id));
    json_out_str(&o, "algorithm", STR("Ed25519"));
    json_out_str(&o, "key", review_key(t->mem, api->services));
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}

/* ---- verify: millions of rows take a while, so that who wants lines is told how far it is */

static bool api_verify_line(struct task *t, struct api *api, const struct buf *line)
{
    struct http_fields headers = {0};

    return (http_is_sent(api->x)
            || http_begin_stream(t, api->x, 200, STR("application/x-ndjson"), &headers))
        && http_stream_bytes(t, api->x, buf_str(line));
}

static bool api_verify_progress(struct task *t, void *ctx, uint64_t rows, uint64_t of)
{
    struct arena_mark mark = arena_mark(t->mem);
    struct buf *line = buf_new(t->mem, 256);

    buf_format(line, "{\"progress\":{\"rows\":%llu,\"of\":%llu}}\n", (unsigned long long)rows,
               (unsigned long long)of);
    bool ok = api_verify_line(t, ctx, line);
    arena_rewind(t->mem, mark);
    return ok;
}

bool api_audit_verify(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    str accept = http_fields_value(&api->request->headers, STR("accept")), key = STR_NONE;
    bool wants_lines = str_find(accept, STR("application/x-ndjson")) < accept.len;
    struct chain_watcher watcher = {.ctx = api, .progress = api_verify_progress};
    const struct tree *document = tree_find(api->body, STR("head"));
    struct chain_head head;
    struct chain_verdict verdict;

    if (api->body != NULL
        && (!api_keys(t, api, "head key") || !api_text(t, api, "key", false, &key)
            || (document != NULL && !review_read_head(t, document, &head)))) {
        return false;
    }
    if (!review_verify(t, api->services, document != NULL ? &head : NULL, key,
                       wants_lines ? &watcher : NULL, &verdict)) {
        return api_end_failed(t, api);
    }
    if (!wants_lines) {
        review_write_verdict(&verdict, "", &o);
        return api_answer(t, api, 200, o.b);
    }
    json_out_begin(&o, "", '{');
    review_write_verdict(&verdict, "verdict", &o);
    json_out_end(&o, '}');
    buf_add_byte(o.b, '\n');
    return api_verify_line(t, api, o.b) && http_end_stream(t, api->x);
}
