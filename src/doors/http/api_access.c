#include "clock/clock.h"
#include "govern/govern.h"
#include "http_inside.h"
#include "log/log.h"

enum { API_DAYS_MAX = 36500, API_DAYS_DEFAULT = 90 };

void api_end_access(struct api *api)
{
    struct task *t = task_new();

    /* The change itself stands; the timer tries again. */
    if (!govern_expire(t, api->services)) {
        log_failure("http", t);
    }
    task_free(t);
}

static bool api_purposes(struct task *t, const struct api *api, struct str_list *out)
{
    const struct tree *list = tree_find(api->body, STR("purposes"));

    for (size_t i = 0; list != NULL && i < list->len; i++) {
        if (!tree_is_string(list->at[i])) {
            return task_fail(t, ERR_USAGE, "purposes is a list of names");
        }
        str_list_add(t->mem, out, list->at[i]->text);
    }
    return list == NULL || list->kind == TREE_LIST
        || task_fail(t, ERR_USAGE, "purposes is a list of names");
}

/* The request as it is now. */
static bool api_access_answer(struct task *t, struct api *api, int status, str id)
{
    struct json_out o = api_json(t);

    return govern_show(t, api->services, id, &o) && api_answer(t, api, status, o.b);
}

static bool api_access_made(struct task *t, struct api *api, uint64_t id)
{
    return api_access_answer(t, api, 201, arena_format(t->mem, "%llu", (unsigned long long)id));
}

bool api_access_request(struct task *t, struct api *api)
{
    struct govern_ask ask = {0};
    uint64_t id;

    return api_keys(t, api, "target role for purposes until reason")
        && api_text(t, api, "target", true, &ask.target)
        && api_text(t, api, "role", false, &ask.role) && api_text(t, api, "for", false, &ask.taker)
        && api_purposes(t, api, &ask.purposes) && api_text(t, api, "until", true, &ask.until)
        && api_text(t, api, "reason", true, &ask.reason)
        && govern_request(t, api->services, &ask, &id) && api_access_made(t, api, id);
}

bool api_access_list(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    const struct http_fields *query = &api->request->query;

    return govern_list(t, api->services, http_fields_value(query, STR("state")),
                       http_fields_value(query, STR("target")), &o)
        && api_answer(t, api, 200, o.b);
}

bool api_access_show(struct task *t, struct api *api)
{
    return api_access_answer(t, api, 200, api->parameters[0]);
}

static bool api_access_move(struct task *t, struct api *api, enum govern_move move)
{
    str reason = STR_NONE;

    if (api->body != NULL
        && (!api_keys(t, api, "reason") || !api_text(t, api, "reason", false, &reason))) {
        return false;
    }
    return govern_move(t, api->services, api->parameters[0], move, reason)
        && api_access_answer(t, api, 200, api->parameters[0]);
}

bool api_access_approve(struct task *t, struct api *api)
{
    return api_access_move(t, api, GOVERN_APPROVE);
}

bool api_access_deny(struct task *t, struct api *api)
{
    return api_access_move(t, api, GOVERN_DENY);
}

bool api_access_revoke(struct task *t, struct api *api)
{
    return api_access_move(t, api, GOVERN_REVOKE);
}

bool api_access_withdraw(struct task *t, struct api *api)
{
    return api_access_move(t, api, GOVERN_WITHDRAW);
}

bool api_access_renew(struct task *t, struct api *api)
{
    str until, reason;
    uint64_t id;

    return api_keys(t, api, "until reason") && api_text(t, api, "until", true, &until)
        && api_text(t, api, "reason", false, &reason)
        && govern_renew(t, api->services, api->parameters[0], until, reason, &id)
        && api_access_made(t, api, id);
}

bool api_report_column(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    return govern_report_column(t, api->services, api->parameters[0], &o)
        && api_answer(t, api, 200, o.b);
}

bool api_report_actor(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    return govern_report_actor(t, api->services, api->parameters[0], &o)
        && api_answer(t, api, 200, o.b);
}

bool api_report_waivers(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    return govern_report_waivers(t, api->services, &o) && api_answer(t, api, 200, o.b);
}

bool api_report_unused(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    int64_t days;

    return api_query_number(t, api, "days", API_DAYS_DEFAULT, 0, API_DAYS_MAX, &days)
        && govern_report_unused(t, api->services, days, &o) && api_answer(t, api, 200, o.b);
}
