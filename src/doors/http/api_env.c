/* Environments: making, showing, promoting and dropping them. What is asked in one comes by /env/NAME. */
#include "audit/audit.h"
#include "browse/browse_env.h"
#include "clock/clock.h"
#include "http_inside.h"
#include "limits/limits.h"
#include "log/log.h"
#include "plan/plan_env.h"
#include "rollback/rollback.h"
#include "services/envs.h"

static const struct env_route {
    api_fn *answer;
    enum env_use use;
} env_routes[] = {
#define ENV_ROUTE(name, use) {api_##name, ENV_##use},
#include "env_routes.def"
#undef ENV_ROUTE
};

bool api_env_answers(api_fn *answer, int *use_out)
{
    for (size_t i = 0; i < sizeof(env_routes) / sizeof(env_routes[0]); i++) {
        if (env_routes[i].answer == answer) {
            *use_out = (int)env_routes[i].use;
            return true;
        }
    }
    return false;
}

static bool api_is_admin(const struct image *image, const struct actor *actor)
{
    return actor_is_operator(actor)
        || (image->model != NULL
            && model_names_actor(&image->model->mesh.admins, actor->name, &actor->groups));
}

/* Whoever has no domain would have nothing to change in it. */
static bool api_env_may_create(struct task *t, const struct api *api)
{
    const struct image *image = image_pin(t, api->services->images);
    bool may = api_is_admin(image, t->actor);

    for (size_t i = 0; !may && image->model != NULL && i < image->model->domains.len; i++) {
        const struct model_domain *domain = image->model->domains.at[i];

        may = model_names_actor(&domain->owners, t->actor->name, &t->actor->groups)
           || model_names_actor(&domain->members, t->actor->name, &t->actor->groups);
    }
    if (may) {
        return true;
    }
    task_fail(t, ERR_DENIED, "%.*s may not make an environment", STR_ARG(t->actor->name));
    return task_hint(t, "owners and members of domains may");
}

static bool api_env_may_end(struct task *t, const struct api *api, const struct environment *env)
{
    if (str_eq(env->created_by, t->actor->name)
        || api_is_admin(image_pin(t, api->services->images), t->actor)) {
        return true;
    }
    task_fail(t, ERR_DENIED, "%.*s may not do this to environment %.*s", STR_ARG(t->actor->name),
              STR_ARG(env->name));
    return task_hint(t, "%.*s, who made it, and administrators may", STR_ARG(env->created_by));
}

bool api_env_create(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    str name;

    if (!api_keys(t, api, "name") || !api_text(t, api, "name", true, &name)
        || !api_env_may_create(t, api) || !envs_create(t, api->services, name)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "name", name);
    json_out_bool(&o, "created", true);
    json_out_end(&o, '}');
    return api_answer(t, api, 201, o.b);
}

bool api_env_list(struct task *t, struct api *api)
{
    const struct image *image = image_pin(t, api->services->images);
    struct json_out o = api_json(t);
    struct str_list names;

    if (!envs_list(t, api->services, &names)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_begin(&o, "environments", '[');
    for (size_t i = 0; i < names.len; i++) {
        struct environment env;
        uint64_t files;
        bool found;

        if (!envs_peek(t, api->services, names.at[i], &env, &files, &found)) {
            return false;
        }
        if (!found) {
            continue;
        }
        json_out_begin(&o, "", '{');
        json_out_str(&o, "name", env.name);
        json_out_str(&o, "created_by", env.created_by);
        json_out_time(&o, "created_at", env.created_us);
        json_out_uint(&o, "files", files);
        json_out_str(&o, "state",
                     env.problem.len > 0                       ? STR("does not fit")
                     : env.mesh_version != image->mesh_version ? STR("behind")
                                                               : STR("current"));
        json_out_end(&o, '}');
    }
    json_out_end(&o, ']');
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}

bool api_env_show(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    struct services *s;

    return envs_enter(t, api->services, api->parameters[0], ENV_MENDS, &s) && browse_env(t, s, &o)
        && api_answer(t, api, 200, o.b);
}

static bool api_env_find(struct task *t, struct api *api, struct environment *out)
{
    uint64_t files;
    bool found;

    return envs_peek(t, api->services, api->parameters[0], out, &files, &found)
        && (found
            || task_fail(t, ERR_NOT_FOUND, "there is no environment %.*s",
                         STR_ARG(api->parameters[0])));
}

bool api_env_refresh(struct task *t, struct api *api)
{
    struct environment env;
    struct json_out o = api_json(t);
    struct services *s;

    if (!api_env_find(t, api, &env) || !api_env_may_end(t, api, &env)
        || !envs_refresh(t, api->services, env.name)) {
        return false;
    }
    if (envs_enter(t, api->services, env.name, ENV_READS, &s) && browse_env(t, s, &o)) {
        return api_answer(t, api, 200, o.b);
    }
    if (t->err.code == ERR_CONFLICT) {
        return false; /* its files do not fit */
    }
    /* It is done, whatever there is to be said of it. */
    log_failure("http", t);
    task_clear_error(t);
    o = api_json(t);
    json_out_begin(&o, "", '{');
    json_out_str(&o, "name", env.name);
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}

bool api_env_drop(struct task *t, struct api *api)
{
    struct environment env = {.name = api->parameters[0]};
    struct json_out o = api_json(t);

    /* Who made a damaged one nobody knows. */
    if (!api_env_find(t, api, &env)) {
        if (t->err.code != ERR_CORRUPT) {
            return false;
        }
        task_clear_error(t);
        env = (struct environment){.name = api->parameters[0]};
    }
    if (!api_env_may_end(t, api, &env) || !envs_drop(t, api->services, &env)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "name", env.name);
    json_out_bool(&o, "dropped", true);
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}

/* ---- promote */

static bool api_env_part(struct task *t, struct api *api, struct services *env,
                         struct env_part *out)
{
    const struct tree *list = tree_find(api->body, STR("products"));
    const struct image *image = image_pin(t, env->images);
    const struct image_product *product;

    if (!api_text(t, api, "domain", false, &out->domain)) {
        return false;
    }
    if (out->domain.len > 0 && list != NULL && list->len > 0) {
        return task_fail(t, ERR_USAGE, "name a domain or products, not both");
    }
    if (out->domain.len > 0 && model_find_domain(image->model, out->domain) == NULL) {
        return task_fail(t, ERR_NOT_FOUND, "there is no domain %.*s", STR_ARG(out->domain));
    }
    for (size_t i = 0; list != NULL && i < list->len; i++) {
        if (!tree_is_string(list->at[i])) {
            return task_fail(t, ERR_USAGE, "products is a list of addresses, as domain.product");
        }
        if (!services_demand_run(t, image, list->at[i]->text, &product)) {
            return false;
        }
        str_list_add(t->mem, &out->products, product->address);
    }
    return true;
}

bool api_env_plan(struct task *t, struct api *api)
{
    struct plan *p = ARENA_NEW(t->mem, struct plan);
    struct env_part part = {0};
    struct json_out o = api_json(t);
    struct services *env;

    if (!api_keys(t, api, "products domain")
        || !envs_enter(t, api->services, api->parameters[0], ENV_READS, &env)
        || !api_env_part(t, api, env, &part)) {
        return false;
    }
    if (!plan_promote(t, env, &part, p)) {
        api->findings = &p->findings;
        api->plan = p;
        return false;
    }
    plan_put(t, p, &o);
    return api_answer(t, api, 200, o.b);
}

static str api_env_promoted(struct task *t, str plan, const struct rollback_promotion *p)
{
    struct json_out o = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};

    json_out_begin(&o, "", '{');
    json_out_maybe(&o, "plan", plan);
    json_out_begin(&o, "products", '[');
    for (size_t i = 0; i < p->results.len; i++) {
        const struct rollback_promoted *result = &p->results.at[i];

        json_out_begin(&o, "", '{');
        json_out_str(&o, "product", result->product);
        json_out_str(&o, "run", result->run);
        if (result->release > 0) {
            json_out_uint(&o, "release", result->release);
        } else {
            json_out_null(&o, "release");
        }
        json_out_maybe(&o, "reason", result->reason);
        json_out_end(&o, '}');
    }
    json_out_end(&o, ']');
    json_out_end(&o, '}');
    return buf_str(o.b);
}

/* The files by a plan of the mesh, if they differ yet; then the releases, each by itself. It stays in the environment, which follows the
 * mesh only after it has left. */
bool api_env_promote(struct task *t, struct api *api)
{
    struct plan_applied applied;
    struct env_part part = {0};
    struct rollback_promotion p = {.part = &part};
    str plan;

    if (!api_keys(t, api, "products domain plan") || !api_text(t, api, "plan", false, &plan)
        || !envs_enter(t, api->services, api->parameters[0], ENV_FOLLOWS, &p.env)
        || !envs_demand_fit(t, p.env) || !api_env_part(t, api, p.env, &part)
        || (plan.len > 0 && !plan_apply_of(t, api->services, p.env, plan, &applied))) {
        return false;
    }
    if (plan.len > 0) {
        api_end_access(api);
    }
    if (!rollback_promote(t, &p)) {
        return false;
    }
    str answer = api_env_promoted(t, plan, &p);
    struct buf *b = buf_new(t->mem, API_ANSWER_BYTES_MAX);

    buf_add(b, answer);
    return audit_append(t, api->services->db, STR("env.promote"), api->parameters[0], STR("done"),
                        answer, NULL)
        && api_answer(t, api, 200, b);
}
