#include "diff/diff.h"
#include "http_inside.h"
#include "rollback/rollback.h"

enum { API_DIFF_ROWS_MAX = 1000 };

bool api_release_rollback(struct task *t, struct api *api)
{
    struct rollback r = {.services = api->services, .product = api->parameters[0]};
    struct json_out o = api_json(t);
    int64_t number;

    if (!api_keys(t, api, "release reason") || !api_number(t, api, "release", 1, INT64_MAX, &number)
        || !api_text(t, api, "reason", false, &r.reason)) {
        return false;
    }
    if (number == 0) {
        return task_fail(t, ERR_USAGE, "the body lacks release");
    }
    r.number = (uint64_t)number;
    if (!rollback_release(t, &r)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "product", r.product);
    json_out_uint(&o, "release", r.release);
    json_out_uint(&o, "restores", r.number);
    json_out_uint(&o, "replaces", r.replaced);
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}

/* A number, or `candidate`. */
static bool api_read_side(struct task *t, struct api *api, const char *name, uint64_t *out)
{
    int64_t number;

    if (str_eq(http_fields_value(&api->request->query, str_of(name)), STR("candidate"))) {
        *out = DIFF_CANDIDATE;
        return true;
    }
    if (!api_query_number(t, api, name, 0, 0, INT64_MAX, &number)) {
        return false;
    }
    *out = (uint64_t)number;
    return true;
}

bool api_release_diff(struct task *t, struct api *api)
{
    const struct http_fields *query = &api->request->query;
    struct diff d = {.services = api->services,
                     .product = api->parameters[0],
                     .table = http_fields_value(query, STR("table"))};
    struct json_out o = api_json(t);
    int64_t rows;

    if (!api_read_side(t, api, "from", &d.from) || !api_read_side(t, api, "to", &d.to)
        || !api_query_number(t, api, "rows", 0, 0, API_DIFF_ROWS_MAX, &rows)) {
        return false;
    }
    api_bind_purpose(t, http_fields_value(query, STR("purpose")));
    d.rows_max = (uint64_t)rows;
    return diff_releases(t, &d, &o) && api_answer(t, api, 200, o.b);
}
