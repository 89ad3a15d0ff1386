#include "browse/browse.h"
#include "http_inside.h"
#include "upkeep/upkeep.h"

enum { API_AUDIT_MAX = 10000, API_AUDIT_DEFAULT = 100 };

static bool api_health(struct task *t, struct api *api, int status, str word)
{
    struct json_out o = api_json(t);

    json_out_begin(&o, "", '{');
    json_out_str(&o, "status", word);
    json_out_end(&o, '}');
    return api_answer(t, api, status, o.b);
}

bool api_live(struct task *t, struct api *api)
{
    return api_health(t, api, 200, STR("ok"));
}

bool api_ready(struct task *t, struct api *api)
{
    return atomic_load(&api->door->is_ready) ? api_health(t, api, 200, STR("ok"))
                                             : api_health(t, api, 503, STR("starting or ending"));
}

bool api_status(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    return browse_status(t, api->services, &o) && api_answer(t, api, 200, o.b);
}

bool api_product_list(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    return browse_products(t, api->services, &o) && api_answer(t, api, 200, o.b);
}

bool api_product_show(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    return browse_product(t, api->services, api->parameters[0], &o) && api_answer(t, api, 200, o.b);
}

bool api_lineage(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    str direction = http_fields_value(&api->request->query, STR("direction"));
    bool is_both = direction.len == 0 || str_eq(direction, STR("both"));
    bool is_up = is_both || str_eq(direction, STR("up")),
         is_down = is_both || str_eq(direction, STR("down"));
    int64_t columns;

    if (!is_up && !is_down) {
        return task_fail(t, ERR_USAGE, "direction is up, down or both");
    }
    return api_query_number(t, api, "columns", 0, 0, 1, &columns)
        && browse_lineage(t, api->services, api->parameters[0], is_up, is_down, columns == 1, &o)
        && api_answer(t, api, 200, o.b);
}

bool api_audit_list(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    struct audit_list rows = {0};
    int64_t after, most;

    if (!api_query_number(t, api, "after", 0, 0, INT64_MAX, &after)
        || !api_query_number(t, api, "limit", API_AUDIT_DEFAULT, 1, API_AUDIT_MAX, &most)
        || !audit_after(t, api->services->db, STR_NONE, (uint64_t)after, (uint64_t)most, &rows)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_begin(&o, "audit", '[');
    for (size_t i = 0; i < rows.len; i++) {
        const struct audit_row *row = &rows.at[i];

        json_out_begin(&o, "", '{');
        json_out_uint(&o, "sequence", row->sequence);
        json_out_time(&o, "time", row->time_us);
        json_out_str(&o, "actor", row->actor);
        json_out_maybe(&o, "on_behalf", row->on_behalf);
        json_out_str(&o, "action", row->action);
        json_out_str(&o, "object", row->object);
        json_out_str(&o, "outcome", row->outcome);
        json_out_raw(&o, "detail", row->detail);
        json_out_str(&o, "hash", row->hash);
        json_out_end(&o, '}');
    }
    json_out_end(&o, ']');
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}

static void api_put_audit(const struct audit_state *state, const char *key, struct json_out *o)
{
    json_out_begin(o, key, '{');
    json_out_bool(o, "whole", state->is_whole);
    json_out_uint(o, "rows", state->rows);
    json_out_str(o, "head", state->head);
    if (!state->is_whole) {
        json_out_uint(o, "broken_at", state->broken_at);
        json_out_str(o, "reason", state->reason);
    }
    json_out_end(o, '}');
}

bool api_audit_verify(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    struct audit_state state;

    if (!audit_verify(t, api->services->db, &state)) {
        return false;
    }
    api_put_audit(&state, "", &o);
    return api_answer(t, api, 200, o.b);
}

bool api_verify(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    struct upkeep_verdict verdict;

    if (!upkeep_verify(t, api->services, &verdict)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_uint(&o, "files", verdict.files);
    json_out_list(&o, "damaged", &verdict.damaged);
    json_out_str(&o, "catalog", verdict.catalog.len ? verdict.catalog : STR("ok"));
    api_put_audit(&verdict.audit, "audit", &o);
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}

bool api_config(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    json_out_begin(&o, "", '{');
    json_out_begin(&o, "settings", '[');
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting setting = (enum setting)i;

        json_out_begin(&o, "", '{');
        json_out_str(&o, "name", str_of(config_name(setting)));
        json_out_str(&o, "value", config_text(api->services->config, setting));
        json_out_str(&o, "origin", str_of(config_origin(api->services->config, setting)));
        json_out_end(&o, '}');
    }
    json_out_end(&o, ']');
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}
