#include "contract/contract_custom.h"
#include "model/model_inside.h"

#include "shape/shape.h"

static struct str_list texts_of(struct arena *mem, const struct tree *list)
{
    struct str_list texts = {0};
    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len; i++)
        if (list->at[i]->kind == TREE_SCALAR)
            vec_push(mem, &texts, list->at[i]->text);
    return texts;
}

static const struct tree *map_of(const struct tree *node, str key)
{
    const struct tree *map = tree_find(node, key);
    return map && map->kind == TREE_MAP ? map : NULL;
}

static bool read_document(struct model_builder *b, const struct bundle_file *file,
                          const struct shape *shape)
{
    if (!file->document) {
        b->is_partial = true;
        return false;
    }
    if (shape == &shape_odps)
        (void)shape_check_standard(b->mem, file->path, &shape_standard_odps, file->document,
                                   b->report);
    else
        shape_check(b->mem, file->path, shape, file->document, b->report);
    return file->document->kind == TREE_MAP;
}

void model_read_mesh(struct model_builder *b, const struct bundle_file *file)
{
    struct model_mesh *mesh = &b->model->mesh;
    mesh->place = model_file_place(file->path);
    if (!read_document(b, file, &shape_mesh))
        return;
    const struct tree *root = file->document;
    const struct tree *name = tree_find(root, STR("name"));
    const struct tree *users = map_of(root, STR("users"));
    const struct tree *purposes = map_of(root, STR("purposes"));
    const struct tree *sources = map_of(root, STR("sources"));
    const struct tree *audit = map_of(root, STR("audit"));
    mesh->place = tree_place(b->own, file->path, root);
    b->has_mesh = true;
    mesh->description = tree_find_text(root, STR("description"));
    mesh->admins = texts_of(b->own, tree_find(root, STR("admins")));
    mesh->guild = texts_of(b->own, tree_find(root, STR("guild")));
    if (tree_find(root, STR("fourEyes")))
        (void)tree_is_bool(tree_find(root, STR("fourEyes")), &mesh->four_eyes);
    mesh->source_roots = texts_of(b->own, tree_find(sources, STR("roots")));
    mesh->source_hosts = texts_of(b->own, tree_find(sources, STR("hosts")));
    mesh->access_longest = tree_find_text(tree_find(root, STR("access")), STR("longest"));
    mesh->audit.redacts = str_eq(tree_find_text(audit, STR("literals")), STR("redact"));
    mesh->audit.tables = texts_of(b->own, tree_find(audit, STR("tables")));
    mesh->audit.tags = texts_of(b->own, tree_find(audit, STR("tags")));
    if (name)
        model_check_name(b, tree_place(b->own, file->path, name), "the mesh", name->text);
    mesh->name = tree_find_text(root, STR("name"));
    for (size_t i = 0; purposes && i < purposes->len; i++)
        vec_push(b->own, &mesh->purposes, purposes->at[i]->key);
    for (size_t i = 0; users && i < users->len; i++) {
        const struct tree *node = users->at[i];
        str principal = arena_format(b->own, "user:" STR_FMT, STR_ARG(node->key));
        if (!shape_is_principal(principal)) {
            struct finding *f = model_error(b, tree_place(b->own, file->path, node),
                                            "this cannot be the name of a user");
            f->found = node->key;
            f->allowed = STR("no spaces, no colon");
            continue;
        }
        struct model_user *user = vec_add(b->own, &mesh->users);
        *user = (struct model_user){.name = node->key,
                                    .groups = texts_of(b->own, tree_find(node, STR("groups"))),
                                    .attributes = map_of(node, STR("attributes"))};
    }
}

void model_add_domain(struct model_builder *b, struct model_domain *domain)
{
    vec_push(b->own, &b->model->domains, domain);
    map_put(&b->model->domain_names, domain->name, domain);
}

void model_read_domain(struct model_builder *b, const struct bundle_file *file, str folder)
{
    str parent, name;
    str_cut_last(folder, '/', &parent, &name);
    struct model_domain *domain = ARENA_NEW(b->mem, struct model_domain);
    domain->name = name;
    domain->title = name;
    domain->folder = folder;
    domain->part = b->part;
    domain->place = model_file_place(file->path);
    model_add_domain(b, domain);
    if (!read_document(b, file, &shape_domain)) {
        model_check_name(b, domain->place, "the domain", name);
        return;
    }
    const struct tree *root = file->document;
    const struct tree *written = tree_find(root, STR("name"));
    domain->place = tree_place(b->mem, file->path, written ? written : root);
    model_check_name(b, domain->place, "the domain", name);
    if (written && written->kind == TREE_SCALAR && !str_eq(written->text, name)) {
        struct finding *f =
            model_error(b, domain->place, "the name of a domain is that of its folder");
        f->found = written->text;
        f->allowed = name;
    }
    if (tree_find_text(root, STR("title")).len)
        domain->title = tree_find_text(root, STR("title"));
    domain->description = tree_find_text(root, STR("description"));
    domain->alignment = tree_find_text(root, STR("alignment"));
    domain->owners = texts_of(b->mem, tree_find(root, STR("owners")));
    domain->members = texts_of(b->mem, tree_find(root, STR("members")));
}

void model_read_policy(struct model_builder *b, const struct bundle_file *file, str domain)
{
    if (!file->document) {
        b->is_partial = true;
        return;
    }
    struct policy *policy = policy_read(b->own, file->path, domain, file->document, b->report);
    if (!policy)
        return;
    const struct policy *other = map_find(&b->policies, policy->id);
    if (other) {
        struct finding *f =
            model_error(b, policy->place, "two policies have the id " STR_FMT, STR_ARG(policy->id));
        f->hint = arena_format(b->own, "the other is in " STR_FMT, STR_ARG(other->file));
        return;
    }
    map_put(&b->policies, policy->id, policy);
    vec_push(b->own, &b->model->policies, *policy);
    policy_add_entitlements(b->own, policy, &b->model->policies);
}

static struct place port_place(struct model_builder *b, str file, const struct tree *port,
                               const char *key)
{
    const struct tree *node = tree_find(port, str_of(key));
    return tree_place(b->mem, file, node ? node : port);
}

static void read_inputs(struct model_builder *b, struct model_product *product,
                        const struct tree *ports)
{
    for (size_t i = 0; ports && ports->kind == TREE_LIST && i < ports->len; i++) {
        const struct tree *port = ports->at[i];
        struct model_input input = {.name = tree_find_text(port, STR("name")),
                                    .version = tree_find_text(port, STR("version")),
                                    .contract_id = tree_find_text(port, STR("contractId")),
                                    .place = port_place(b, product->file, port, "contractId")};
        struct place place = port_place(b, product->file, port, "name");
        if (!input.name.len || !input.contract_id.len)
            continue;
        contract_check_custom(b->mem, product->file, tree_find(port, STR("customProperties")),
                              CUSTOM_INPUT, b->report);
        model_read_pins(b, product->file, port, &input);
        model_check_name(b, place, "the input port", input.name);
        bool is_twice = false;
        for (size_t j = 0; j < product->inputs.len; j++)
            is_twice = is_twice || str_eq(product->inputs.at[j].name, input.name);
        if (is_twice) {
            struct finding *f =
                model_error(b, place, "two input ports are named " STR_FMT, STR_ARG(input.name));
            f->hint = STR("SQL reads a port by its name: give each its own");
            continue;
        }
        vec_push(b->mem, &product->inputs, input);
    }
}

static void read_outputs(struct model_builder *b, struct model_product *product,
                         const struct tree *ports)
{
    for (size_t i = 0; ports && ports->kind == TREE_LIST && i < ports->len; i++) {
        const struct tree *port = ports->at[i];
        struct model_output output = {.name = tree_find_text(port, STR("name")),
                                      .version = tree_find_text(port, STR("version")),
                                      .contract_id = tree_find_text(port, STR("contractId")),
                                      .place = port_place(b, product->file, port, "contractId")};
        if (!output.name.len)
            continue;
        contract_check_custom(b->mem, product->file, tree_find(port, STR("customProperties")),
                              CUSTOM_PORT, b->report);
        bool is_twice = false;
        for (size_t j = 0; j < product->outputs.len; j++)
            is_twice = is_twice
                    || (str_eq(product->outputs.at[j].name, output.name)
                        && str_eq(product->outputs.at[j].version, output.version));
        if (is_twice) {
            model_error(b, port_place(b, product->file, port, "name"),
                        "two output ports have the name " STR_FMT " and the version " STR_FMT,
                        STR_ARG(output.name), STR_ARG(output.version));
            continue;
        }
        if (!output.contract_id.len) {
            struct finding *f =
                model_error(b, output.place, "the output port " STR_FMT " names no contract",
                            STR_ARG(output.name));
            f->allowed = STR("contractId: the id of a contract in the same folder");
            continue;
        }
        vec_push(b->mem, &product->outputs, output);
    }
    if (!ports || ports->kind != TREE_LIST || !ports->len) {
        struct finding *f = model_error(b, product->place, "the product has no output port");
        f->hint = STR("add outputPorts: [{name: NAME, version: 1.0.0, contractId: ID}]");
    }
}

static void check_product(struct model_builder *b, struct model_product *product,
                          const struct tree *root)
{
    shape_check_status(b->mem, product->file, b->report, tree_find(root, STR("status")));
    const struct tree *domain = tree_find(root, STR("domain"));
    if (domain && domain->kind == TREE_SCALAR && !str_eq_nocase(domain->text, product->domain->name)
        && !str_eq_nocase(domain->text, product->domain->title)) {
        struct finding *f = model_warning(b, tree_place(b->mem, product->file, domain),
                                          "a product is of the domain whose folder holds it");
        f->found = domain->text;
        f->allowed = product->domain->name;
    }
}

/* Of products that are shared no two have one. */
void model_check_ids(struct model_builder *b)
{
    struct map first; /* id -> struct model_product, or `b`: one of the fresh has it */
    map_init(&first, b->scratch);
    for (size_t i = 0; i < b->fresh.len; i++)
        if (b->fresh.at[i]->id.len)
            map_put(&first, b->fresh.at[i]->id, b);
    for (size_t i = 0; first.len && i < b->model->products.len; i++) {
        struct model_product *product = b->model->products.at[i];
        const void *other = product->id.len ? map_find(&first, product->id) : NULL;
        if (other == b) {
            map_put(&first, product->id, product);
        } else if (other) {
            struct finding *f = model_error(
                b, product->id_place, "two products have the id " STR_FMT, STR_ARG(product->id));
            f->hint = arena_format(b->mem, "the other is in " STR_FMT,
                                   STR_ARG(((const struct model_product *)other)->file));
        }
    }
}

void model_read_product(struct model_builder *b, const struct bundle_file *file,
                        const struct model_domain *domain, str folder, str name)
{
    struct model_product *product = ARENA_NEW(b->mem, struct model_product);
    const struct tree *root = file->document;
    product->domain = domain;
    product->name = name;
    product->address =
        arena_format(b->mem, STR_FMT "." STR_FMT, STR_ARG(domain->name), STR_ARG(name));
    product->part = b->part;
    product->folder = folder;
    product->file = file->path;
    product->place = tree_place(b->mem, file->path, root);
    product->visibility = STR("public");
    model_check_name(b, product->place, "the product", name);
    if (read_document(b, file, &shape_odps)) {
        const struct tree *custom = tree_find(root, STR("customProperties"));
        const struct tree *visibility = contract_custom(custom, STR("visibility"));
        product->id = tree_find_text(root, STR("id"));
        product->id_place = tree_place(b->mem, file->path, tree_find(root, STR("id")));
        product->title = tree_find_text(root, STR("name"));
        product->status = tree_find_text(root, STR("status"));
        product->version = tree_find_text(root, STR("version"));
        product->description = tree_find_text(tree_find(root, STR("description")), STR("purpose"));
        product->tags = texts_of(b->mem, tree_find(root, STR("tags")));
        if (visibility && str_eq(visibility->text, STR("restricted")))
            product->visibility = STR("restricted");
        contract_check_custom(b->mem, file->path, custom, CUSTOM_PRODUCT, b->report);
        model_read_schedule(b, contract_custom(custom, STR("schedule")), product);
        check_product(b, product, root);
        read_inputs(b, product, tree_find(root, STR("inputPorts")));
        read_outputs(b, product, tree_find(root, STR("outputPorts")));
    }
    if (!product->title.len)
        product->title = name;
    map_put(&b->products, product->folder, product);
    vec_push(b->own, &b->model->products, product);
    vec_push(b->scratch, &b->fresh, product);
}
