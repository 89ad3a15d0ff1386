/* Promises of contracts, and the policies themselves: what the files of the mesh say of them. */
#include "clock/clock.h"
#include "read_mesh/read_mesh_inside.h"

static void add_scalar(struct mesh_view *view, const struct tree *node)
{
    read_mesh_text(view, node != NULL && node->kind == TREE_SCALAR ? node->text : STR_NONE);
}

static void add_promise(struct mesh_view *view, str address, const struct contract *contract,
                        const struct tree *promise)
{
    read_mesh_text(view, address);
    read_mesh_text(view, contract->id);
    read_mesh_text(view, tree_find_text(promise, STR("property")));
    add_scalar(view, tree_find(promise, STR("value")));
    read_mesh_text(view, tree_find_text(promise, STR("unit")));
    read_mesh_text(view, tree_find_text(promise, STR("element")));
    read_mesh_text(view, tree_find_text(promise, STR("driver")));
    read_mesh_text(view, tree_find_text(promise, STR("description")));
}

bool read_mesh_promises(struct mesh_view *view)
{
    for (size_t i = 0; i < view->products.len; i++) {
        const struct image_product *product = view->products.at[i].product;
        const struct model_product *definition = product->definition;
        for (size_t j = 0; j < definition->outputs.len; j++) {
            const struct contract *contract = definition->outputs.at[j].contract;
            const struct tree *list =
                contract != NULL ? tree_find(contract->source, STR("slaProperties")) : NULL;
            for (size_t k = 0; list != NULL && list->kind == TREE_LIST && k < list->len; k++)
                add_promise(view, product->address, contract, list->at[k]);
        }
    }
    return true;
}

void read_mesh_terms(struct mesh_view *view, const struct tree *source)
{
    const struct tree *list = tree_find(source, STR("authoritativeDefinitions"));
    struct str_list terms = {0};
    for (size_t i = 0; list != NULL && list->kind == TREE_LIST && i < list->len; i++) {
        str url = tree_find_text(list->at[i], STR("url"));
        if (url.len > 0)
            str_list_add(view->t->mem, &terms, url);
    }
    read_mesh_list(view, &terms);
}

/* By address, by one of its tables, or by its contract. */
static bool is_named(struct arena *mem, const struct policy *policy,
                     const struct image_product *product)
{
    const struct model_product *definition = product->definition;
    bool named = str_list_has(&policy->selector.products, product->address);
    str prefix = arena_format(mem, STR_FMT ".", STR_ARG(product->address));
    for (size_t i = 0; i < policy->selector.tables.len; i++)
        named = named || str_starts(policy->selector.tables.at[i], prefix);
    for (size_t i = 0; policy->contract.len > 0 && i < definition->outputs.len; i++)
        named = named || str_eq(definition->outputs.at[i].contract_id, policy->contract);
    return named;
}

bool read_mesh_may_know_policy(struct arena *mem, const struct image *image,
                               const struct mesh_reader *reader, const struct policy *policy)
{
    bool names_some = policy->selector.products.len > 0 || policy->selector.tables.len > 0
                   || policy->contract.len > 0;
    for (size_t i = 0; names_some && i < image->products.len; i++) {
        struct arena_mark mark = arena_mark(mem);
        bool hidden = is_named(mem, policy, &image->products.at[i])
                   && !reader->may_discover(reader->ctx, &image->products.at[i]);
        arena_rewind(mem, mark);
        if (hidden)
            return false;
    }
    return true;
}

static void add_policy(struct mesh_view *view, const struct policy *policy, int64_t now_us)
{
    bool is_require = policy->effect == POLICY_REQUIRE;
    read_mesh_text(view, policy->id);
    read_mesh_text(view, policy->domain.len > 0 ? STR("local") : STR("global"));
    read_mesh_text(view, policy->domain);
    read_mesh_text(view, str_of(policy_effect_name(policy->effect)));
    read_mesh_text(view, !is_require          ? STR_NONE
                         : policy->is_warning ? STR("warning")
                                              : STR("error"));
    read_mesh_text(view, policy->owner);
    read_mesh_text(view, policy->description);
    read_mesh_text(view, policy->waives);
    read_mesh_text(view, policy->approver);
    read_mesh_time(view, policy->until_us);
    read_mesh_bool(view, policy->until_us != 0 && now_us >= policy->until_us);
    read_mesh_text(view, policy->file);
}

bool read_mesh_policies(struct mesh_view *view)
{
    const struct model *model = view->image->model;
    int64_t now_us = view->reader->now_us ? view->reader->now_us : clock_now_us();
    for (size_t i = 0; model != NULL && i < model->policies.len; i++)
        if (read_mesh_may_know_policy(view->t->mem, view->image, view->reader,
                                      &model->policies.at[i]))
            add_policy(view, &model->policies.at[i], now_us);
    return true;
}

void read_mesh_policies_term(const struct image *image, int64_t now_us, int64_t *from_us_out,
                             int64_t *until_us_out)
{
    const struct model *model = image->model;
    for (size_t i = 0; model != NULL && i < model->policies.len; i++) {
        int64_t end_us = model->policies.at[i].until_us;
        if (end_us != 0 && end_us <= now_us && end_us > *from_us_out)
            *from_us_out = end_us;
        if (end_us > now_us && (*until_us_out == 0 || end_us < *until_us_out))
            *until_us_out = end_us;
    }
}
