#include "browse/browse.h"
#include "http_inside.h"
#include "rollback/rollback.h"
#include "run/run_all.h"

bool api_candidate_start(struct task *t, struct api *api)
{
    const struct image_product *product;
    const struct image *image = image_pin(t, api->services->images);
    struct json_out o = api_json(t);
    struct run_how how;
    str id;
    bool joined;

    if (!api_keys(t, api, "full from to") || !api_wanted_how(t, api, api->parameters[0], &how)
        || !services_demand_run(t, image, api->parameters[0], &product)
        || !run_all_queue(t, api->services, "candidate", product->address, &how, &id, &joined)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "job", id);
    json_out_end(&o, '}');
    return api_answer(t, api, 202, o.b);
}

bool api_candidate_list(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    return browse_candidates(t, api->services, &o) && api_answer(t, api, 200, o.b);
}

bool api_candidate_show(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    return browse_candidate(t, api->services, api->parameters[0], &o)
        && api_answer(t, api, 200, o.b);
}

bool api_candidate_publish(struct task *t, struct api *api)
{
    struct rollback r = {.services = api->services, .product = api->parameters[0]};
    const struct tree *force = tree_find(api->body, STR("force"));
    struct json_out o = api_json(t);

    if (!api_keys(t, api, "force reason") || !api_text(t, api, "reason", false, &r.reason)) {
        return false;
    }
    if (force != NULL && !tree_is_bool(force, &r.is_forced)) {
        return task_fail(t, ERR_USAGE, "force is true or false");
    }
    if (!rollback_publish_candidate(t, &r)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "product", r.product);
    json_out_uint(&o, "release", r.release);
    json_out_uint(&o, "replaces", r.replaced);
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}

bool api_candidate_drop(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    if (!rollback_drop_candidate(t, api->services, api->parameters[0])) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "product", api->parameters[0]);
    json_out_bool(&o, "dropped", true);
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}
