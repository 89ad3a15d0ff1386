#include "browse/browse.h"
#include "http_inside.h"

bool api_policy_list(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    return browse_policies(t, api->services, &o) && api_answer(t, api, 200, o.b);
}

bool api_policy_show(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    return browse_policy(t, api->services, api->parameters[0], &o) && api_answer(t, api, 200, o.b);
}

bool api_report(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    return browse_report(t, api->services, &o) && api_answer(t, api, 200, o.b);
}
