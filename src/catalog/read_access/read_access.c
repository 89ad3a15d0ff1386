#include "read_access/read_access.h"

static bool is_named(const struct str_list *list, const struct actor *actor)
{
    return actor->kind == ACTOR_USER && model_names_actor(list, actor->name, &actor->groups);
}

static const struct model_product *find_product(const struct image *image, str address)
{
    return image->model != NULL ? model_find_product(image->model, address) : NULL;
}

static const struct contract *find_contract(const struct model_product *product, str id)
{
    for (size_t i = 0; product != NULL && i < product->outputs.len; i++) {
        const struct contract *contract = product->outputs.at[i].contract;
        if (contract != NULL && str_eq(contract->id, id))
            return contract;
    }
    return NULL;
}

bool read_access_approvers(struct arena *mem, const struct image *image,
                           const struct access_request *row, struct access_approvers *out)
{
    const struct model_product *product = find_product(image, row->product);
    const struct contract *contract = find_contract(product, row->contract);
    *out = (struct access_approvers){0};
    if (contract == NULL)
        return false;
    if (contract->roles.len > 0) {
        const struct contract_role *role = contract_find_role(contract, row->role);
        struct str_list strange;
        if (role == NULL)
            return false;
        contract_role_approvers(mem, role->first_approvers, &out->first, &out->strange);
        contract_role_approvers(mem, role->second_approvers, &out->second, &strange);
        for (size_t i = 0; i < strange.len; i++)
            str_list_add(mem, &out->strange, strange.at[i]);
    }
    /* A role that has a second level only is decided by it alone. */
    if (out->first.len == 0) {
        out->first = out->second;
        out->second = (struct str_list){0};
    }
    if (out->first.len == 0 && out->strange.len == 0) {
        out->first = product->domain->owners;
        out->are_owners = true;
    }
    return true;
}

bool read_access_governs(const struct image *image, const struct actor *actor)
{
    return actor_is_operator(actor)
        || (image->model != NULL
            && (is_named(&image->model->mesh.admins, actor)
                || is_named(&image->model->mesh.guild, actor)));
}

bool read_access_is_owner(const struct image *image, const struct actor *actor, str product)
{
    const struct model_product *definition = find_product(image, product);
    return definition != NULL && is_named(&definition->domain->owners, actor);
}

bool read_access_is_of_team(const struct image *image, const struct actor *actor, str product)
{
    const struct model_product *definition = find_product(image, product);
    if (actor->kind == ACTOR_PRODUCT)
        return str_eq(actor->name, product);
    return definition != NULL
        && (is_named(&definition->domain->owners, actor)
            || is_named(&definition->domain->members, actor));
}

bool read_access_is_taker(const struct image *image, const struct actor *actor,
                          enum access_taker_kind kind, str taker)
{
    switch (kind) {
    case ACCESS_USER:
        return actor->kind == ACTOR_USER && str_eq(actor->name, taker);
    case ACCESS_GROUP:
        return actor->kind == ACTOR_USER && str_list_has(&actor->groups, taker);
    case ACCESS_PRODUCT:
        return read_access_is_of_team(image, actor, taker);
    }
    return false;
}

bool read_access_may_know(struct arena *mem, const struct image *image, const struct actor *actor,
                          const struct access_request *row)
{
    struct access_approvers approvers;
    if (read_access_governs(image, actor) || read_access_is_of_team(image, actor, row->product)
        || read_access_is_taker(image, actor, row->taker_kind, row->taker)
        || (actor->kind == ACTOR_USER && str_eq(actor->name, row->requested_by)))
        return true;
    return read_access_approvers(mem, image, row, &approvers)
        && (is_named(&approvers.first, actor) || is_named(&approvers.second, actor));
}

static void add_takers(struct arena *mem, enum access_taker_kind kind, const struct str_list *names,
                       struct access_takers *out)
{
    for (size_t i = 0; i < names->len; i++)
        vec_push(mem, out, ((struct access_taker){kind, names->at[i]}));
}

void read_access_takers(struct arena *mem, const struct policy *grant, struct access_takers *out)
{
    *out = (struct access_takers){0};
    add_takers(mem, ACCESS_USER, &grant->to_users, out);
    add_takers(mem, ACCESS_GROUP, &grant->to_groups, out);
    add_takers(mem, ACCESS_PRODUCT, &grant->to_products, out);
}

bool read_access_opens(struct arena *mem, const struct policy *grant,
                       const struct access_taker *taker, const struct image_table *table)
{
    struct policies alone = {0};
    struct policy_table as_seen;
    struct policy_actor reader = {0};
    struct decision decision;
    /* Most grants name what they open: no need to decide about the rest. */
    if ((grant->contract.len > 0
         && (table->contract == NULL || !str_eq(grant->contract, table->contract->id)))
        || (grant->selector.products.len > 0
            && !str_list_has(&grant->selector.products, table->product->address)))
        return false;
    vec_push(mem, &alone, *grant);
    image_policy_table(mem, table, &as_seen);
    /* Who owns the table reads it anyway: that is not the grant's doing. */
    as_seen.owners = (struct str_list){0};
    if (taker->kind == ACCESS_GROUP)
        vec_push(mem, &reader.groups, taker->name);
    else
        reader.name = taker->name;
    reader.is_product = taker->kind == ACCESS_PRODUCT;
    reader.purpose = grant->purposes.len > 0 ? grant->purposes.at[0] : STR_NONE;
    policy_decide(mem, &alone, &reader, &as_seen, 0, &decision);
    return decision.allowed;
}

bool read_access_is_agreement(const struct policy *grant, uint64_t *id_out)
{
    return str_starts(grant->id, STR("access:")) && str_to_u64(str_from(grant->id, 7), id_out);
}

bool read_access_orphans(struct task *t, struct metadb *db, struct access_orphans *out)
{
    struct metadb_statement *st;
    *out = (struct access_orphans){0};
    if (!metadb_query(
            t, db, &st,
            "SELECT r.id, r.taker_kind = 'user' AND NOT EXISTS (SELECT 1 FROM user u WHERE u.name "
            "= r.taker AND (u.is_of_mesh OR u.is_local)) AS no_user, r.taker_kind = 'product' AND "
            "NOT EXISTS (SELECT 1 FROM product p WHERE p.address = r.taker AND p.removed = 0) AS "
            "no_taker, NOT EXISTS (SELECT 1 FROM product p WHERE p.address = r.product AND "
            "p.removed = 0) AS no_product, r.taker, r.product FROM access_request r WHERE r.state "
            "IN ('requested', 'approved_first', 'approved') AND (no_user OR no_taker OR "
            "no_product) ORDER BY r.id",
            ""))
        return false;
    while (metadb_next(t, st)) {
        bool is_product = metadb_int(st, 3) != 0;
        str gone = metadb_str(t->mem, st, is_product ? 5 : 4);
        vec_push(t->mem, out,
                 ((struct access_orphan){
                     .id = metadb_uint(st, 0),
                     .reason = arena_format(t->mem, "%s " STR_FMT " is of the mesh no more",
                                            metadb_int(st, 1) != 0 ? "user" : "product",
                                            STR_ARG(gone))}));
    }
    return metadb_end(t, st);
}
