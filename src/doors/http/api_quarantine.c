#include "divert/divert.h"
#include "http_inside.h"
#include "run/run_all.h"

bool api_quarantine_list(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    return divert_list(t, api->services, http_fields_value(&api->request->query, STR("product")),
                       &o)
        && api_answer(t, api, 200, o.b);
}

bool api_quarantine_drop(struct task *t, struct api *api)
{
    struct divert_drop d = {.services = api->services, .product = api->parameters[0]};
    struct json_out o = api_json(t);

    if (!api_keys(t, api, "table run reason") || !api_text(t, api, "table", false, &d.table)
        || !api_text(t, api, "run", false, &d.run_id)
        || !api_text(t, api, "reason", false, &d.reason) || !divert_drop(t, &d)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "product", d.product);
    json_out_uint(&o, "rows", d.rows);
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}

/* A run that makes nothing: followed and cancelled as any other. */
bool api_quarantine_replay(struct task *t, struct api *api)
{
    struct run_how how = {.is_replay = true};
    struct json_out o = api_json(t);
    struct str_list ordered = {0};
    bool joined;
    str id;

    if (!api_keys(t, api, "run") || !api_text(t, api, "run", false, &how.replayed)
        || !run_all_products(t, image_pin(t, api->services->images), api->parameters[0], &ordered)
        || !run_all_queue(t, api->services, "runs", api->parameters[0], &how, &id, &joined)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "job", id);
    json_out_end(&o, '}');
    return api_answer(t, api, 202, o.b);
}
