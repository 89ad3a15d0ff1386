#include "browse/browse.h"
#include "http_inside.h"
#include "review/review.h"
#include "upkeep/upkeep.h"

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
    json_out_uint(&o, "copies_removed", verdict.copies.damaged);
    review_write_verdict(&verdict.audit, "audit", &o);
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
