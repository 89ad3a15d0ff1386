#include "services/services.h"

/* NULL: there is no such domain. */
static bool services_is_of(const struct actor *actor, const struct image *image,
                           const struct model_domain *domain)
{
    return actor_is_operator(actor)
        || model_names_actor(&image->model->mesh.admins, actor->name, &actor->groups)
        || (domain != NULL
            && (model_names_actor(&domain->owners, actor->name, &actor->groups)
                || model_names_actor(&domain->members, actor->name, &actor->groups)));
}

bool services_may_run(const struct actor *actor, const struct image *image,
                      const struct image_product *product)
{
    return services_is_of(actor, image, product->definition->domain);
}

bool services_may_know_file(const struct actor *actor, const struct image *image, str path)
{
    str top, domain, rest;

    (void)str_cut(path, '/', &top, &rest);
    (void)str_cut(rest, '/', &domain, &rest);
    return services_is_of(
        actor, image, str_eq(top, STR("domains")) ? model_find_domain(image->model, domain) : NULL);
}

bool services_find_product(struct task *t, const struct image *image, str address,
                           const struct image_product **out)
{
    str domain, name;

    (void)str_cut(address, '.', &domain, &name);
    *out = image_find_product(image, domain, name);
    if (*out != NULL && gate_may_discover(t, image, *out)) {
        return true;
    }
    task_fail(t, ERR_NOT_FOUND, "there is no product %.*s, or you may not discover it",
              STR_ARG(address));
    return task_hint(t, "products are named domain.product; weft show lists them");
}

bool services_demand_run(struct task *t, const struct image *image, str address,
                         const struct image_product **out)
{
    if (!services_find_product(t, image, address, out)) {
        return false;
    }
    if (services_may_run(t->actor, image, *out)) {
        return true;
    }
    task_fail(t, ERR_DENIED, "%.*s may not run %.*s", STR_ARG(t->actor->name), STR_ARG(address));
    return task_hint(t, "owners and members of domain %.*s may",
                     STR_ARG((*out)->definition->domain->name));
}
