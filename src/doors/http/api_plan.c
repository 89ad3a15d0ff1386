#include <stdlib.h>

#include "http_inside.h"
#include "limits/limits.h"
#include "plan/plan.h"

static bool api_read_file(struct task *t, struct plan *p, const struct tree *file)
{
    const struct tree *path = tree_find(file, STR("path")), *text = tree_find(file, STR("text"));

    if (path == NULL || text == NULL || file->len != 2 || !tree_is_string(path)
        || !tree_is_string(text)) {
        return task_fail(t, ERR_USAGE, "each of files is {path, text}");
    }
    if (path->text.len == 0 || path->text.ptr[0] == '/' || str_starts(path->text, STR("../"))
        || str_find(path->text, STR("/../")) < path->text.len) {
        return task_fail(t, ERR_USAGE, "%.*s is no path inside the mesh", STR_ARG(path->text));
    }
    vec_push(t->mem, &p->bundle, ((struct bundle_file){.path = path->text, .text = text->text}));
    return true;
}

bool api_plan_make(struct task *t, struct api *api)
{
    struct plan *p = ARENA_NEW(t->mem, struct plan);
    struct json_out o = api_json(t);
    const struct tree *files;

    p->services = api->services;
    if (!api_keys(t, api, "domain policies files")
        || !api_text(t, api, "domain", false, &p->domain)) {
        return false;
    }
    if (tree_find(api->body, STR("policies")) != NULL
        && !tree_is_bool(tree_find(api->body, STR("policies")), &p->of_policies)) {
        return task_fail(t, ERR_USAGE, "policies is true or false");
    }
    if (p->of_policies && p->domain.len > 0) {
        return task_fail(t, ERR_USAGE, "a plan is of a domain or of policies, not of both");
    }
    files = tree_find(api->body, STR("files"));
    if (files == NULL || files->kind != TREE_LIST) {
        return task_fail(t, ERR_USAGE, "the body lacks files, a list of {path, text}");
    }
    if (files->len > BUNDLE_FILES_MAX) {
        return task_fail(t, ERR_LIMIT, "the bundle has more than %d files", (int)BUNDLE_FILES_MAX);
    }
    for (size_t i = 0; i < files->len; i++) {
        if (!api_read_file(t, p, files->at[i])) {
            return false;
        }
    }
    if (p->bundle.len > 0) {
        qsort(p->bundle.at, p->bundle.len, sizeof(*p->bundle.at), bundle_compare);
    }
    if (!plan_make(t, p)) {
        api->findings = &p->findings;
        api->plan = p;
        return false;
    }
    plan_put(t, p, &o);
    return api_answer(t, api, 200, o.b);
}

bool api_plan_apply(struct task *t, struct api *api)
{
    struct plan_applied applied;
    struct json_out o = api_json(t);

    if (!plan_apply(t, api->services, api->parameters[0], &applied)) {
        return false;
    }
    if (api->services->mesh == NULL) {
        api_end_access(api);
    }
    json_out_begin(&o, "", '{');
    json_out_uint(&o, "mesh_version", applied.mesh_version);
    json_out_bool(&o, "applied", !applied.was_applied);
    json_out_bool(&o, "override", applied.is_override);
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}

bool api_plan_list(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    return plan_list(t, api->services, &o) && api_answer(t, api, 200, o.b);
}
