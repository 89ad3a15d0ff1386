/* Who may change which files: members their domain, the guild global policies, administrators mesh.yaml. */
#include "actor/actor.h"
#include "document/document.h"
#include "plan_inside.h"

struct plan_rights {
    const struct model *model;
    const struct actor *actor;
};

static bool plan_is_named(const struct plan_rights *rights, const struct str_list *list)
{
    return model_names_actor(list, rights->actor->name, &rights->actor->groups);
}

static bool plan_may_change_file(const struct plan_rights *rights, str path)
{
    str prefix = STR("domains/"), name, rest;

    /* Nobody has a right in an empty mesh: who the first administrators are is said by the owner of the home. */
    if (rights->actor->kind != ACTOR_USER || rights->model == NULL) {
        return false;
    }
    const struct model_mesh *mesh = &rights->model->mesh;
    if (str_starts(path, STR("policies/"))) {
        return plan_is_named(rights, &mesh->guild);
    }
    if (!str_starts(path, prefix)) {
        return plan_is_named(rights, &mesh->admins);
    }
    (void)str_cut(str_from(path, prefix.len), '/', &name, &rest);
    const struct model_domain *domain = model_find_domain(rights->model, name);
    if (domain == NULL) {
        return plan_is_named(rights, &mesh->admins);
    }
    /* Who is of a domain is said by its own file, which its owners keep; members change the rest. */
    return plan_is_named(rights, &domain->owners)
        || (!str_eq(rest, STR("domain.yaml")) && plan_is_named(rights, &domain->members));
}

bool plan_may_change_path(const struct task *t, const struct model *model, str path)
{
    struct plan_rights rights = {.model = model, .actor = t->actor};

    return actor_is_operator(t->actor) || plan_may_change_file(&rights, path);
}

static bool plan_refuse(struct task *t, str path)
{
    task_fail(t, ERR_DENIED, "%.*s may not change %.*s", STR_ARG(t->actor->name), STR_ARG(path));
    if (plan_is_global(path)) {
        return task_hint(t, "the guild changes policies/; propose the change to it: "
                            "weft plan --policies");
    }
    return task_hint(
        t, "members change their domain, the guild changes policies/, administrators mesh.yaml");
}

bool plan_may_change(struct task *t, const struct model *model, const struct bundle *before,
                     const struct bundle *after, bool *override_out)
{
    struct plan_rights rights = {.model = model, .actor = t->actor};
    struct bundle_pair pair;
    size_t at[2] = {0};

    *override_out = false;
    while (bundle_next_pair(before, after, at, &pair)) {
        if (!plan_may_change_file(&rights, pair.path)) {
            /* The owner of the home operates it: recorded as an override, not hidden. */
            if (!actor_is_operator(t->actor)) {
                return plan_refuse(t, pair.path);
            }
            *override_out = true;
        }
    }
    return true;
}
