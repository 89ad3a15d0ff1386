/* Who may read, know and ask. */
#include "gate_inside.h"
#include "image/image_decision.h"
#include "read_mesh/read_mesh.h"

void gate_reader(const struct task *t, const struct gate_scope *scope, struct policy_actor *out)
{
    if (scope && scope->product)
        *out = (struct policy_actor){
            .name = scope->product->address, .is_product = true, .digest = scope->product->digest};
    else
        actor_to_policy(t->actor, out);
}

const struct decision *gate_decide(struct task *t, const struct image *image,
                                   const struct image_table *table)
{
    struct policy_actor reader;
    gate_reader(t, NULL, &reader);
    if (!actor_is_operator(t->actor))
        return image_decide(t, image, &reader, t->actor->version, table);
    /* No policy means an operator, and no decision of another one is his. */
    struct decision *denied = ARENA_NEW(t->mem, struct decision);
    denied->policy_version = image->policies.version;
    vec_push(t->mem, &denied->reasons,
             ((struct decision_reason){.policy = STR("default"),
                                       .effect = STR("deny"),
                                       .text = STR("an operator administers and reads no data")}));
    return denied;
}

bool gate_is_clear(struct task *t, const struct image *image, const struct image_table *table)
{
    const struct decision *decision = gate_decide(t, image, table);
    bool clear = decision->allowed && decision->filters.len == 0
              && decision->columns.len == table->columns.len;
    for (size_t i = 0; i < decision->columns.len; i++)
        clear = clear && !policy_is_masked(&decision->columns.at[i]);
    return clear;
}

static bool is_of_domain(const struct policy_actor *reader, const struct image_product *product)
{
    const struct model_domain *domain = product->definition->domain;
    if (reader->is_product)
        return str_eq(reader->name, product->address);
    return reader->name.len
        && (model_names_actor(&domain->owners, reader->name, &reader->groups)
            || model_names_actor(&domain->members, reader->name, &reader->groups));
}

bool gate_is_restricted(const struct image_product *product)
{
    return str_eq(product->definition->visibility, STR("restricted"));
}

bool gate_discovers(struct task *t, const struct image *image, const struct policy_actor *reader,
                    uint64_t user_version, const struct image_product *product,
                    struct gate_term *term)
{
    /* An operator has no name there. */
    if (!gate_is_restricted(product) || (!reader->name.len && !reader->is_product)
        || is_of_domain(reader, product))
        return true;
    struct arena_mark mark = arena_mark(t->mem);
    bool may = false;
    for (size_t i = 0; i < product->tables.len && !may; i++) {
        const struct decision *decision =
            image_decide(t, image, reader, user_version, &product->tables.at[i]);
        may = decision->allowed;
        if (may)
            gate_term_narrow(term, &(struct gate_term){decision->from_us, decision->until_us});
    }
    arena_rewind(t->mem, mark);
    return may;
}

bool gate_may_discover(struct task *t, const struct image *image,
                       const struct image_product *product)
{
    struct policy_actor reader;
    struct gate_term term = {0};
    if (!gate_is_restricted(product))
        return true;
    gate_reader(t, NULL, &reader);
    return gate_discovers(t, image, &reader, t->actor->version, product, &term);
}

bool gate_denied(struct task *t, const struct policy_actor *reader, const struct image_table *table,
                 str name, const struct decision *decision, uint32_t position)
{
    str why = gate_why_denied(decision);
    task_fail(t, ERR_DENIED, "you may not read " STR_FMT ": " STR_FMT, STR_ARG(name), STR_ARG(why));
    if (!reader && t->actor && actor_is_operator(t->actor))
        task_hint(t, "ask as a user: --as USER, which the audit records");
    else if (table->quarantine && table->quarantine->is_input)
        task_hint(t, "what passed went into " STR_FMT, STR_ARG(table->product->address));
    else if (table->quarantine)
        task_hint(t, "what passed is " STR_FMT, STR_ARG(image_table_address(t->mem, table)));
    else
        task_hint(t, "ask for access: weft access request " STR_FMT "%s" STR_FMT,
                  STR_ARG(image_table_address(t->mem, table)),
                  reader && reader->is_product ? " --for product:" : "",
                  STR_ARG(reader && reader->is_product ? reader->name : STR_NONE));
    return task_position(t, position);
}

struct reading {
    struct task *t;
    const struct image *image;
    const bool *is_shown;
};

static bool may_discover(void *ctx, const struct image_product *product)
{
    struct reading *reading = ctx;
    return reading->is_shown[product - reading->image->products.at];
}

static bool is_clear(void *ctx, const struct image_table *table)
{
    struct reading *reading = ctx;
    return gate_is_clear(reading->t, reading->image, table);
}

static bool owns(void *ctx, const struct image_product *product)
{
    struct reading *reading = ctx;
    struct policy_actor reader;
    gate_reader(reading->t, NULL, &reader);
    return is_of_domain(&reader, product);
}

bool gate_mesh_rows(struct task *t, struct gate *gate, const struct image *image, str name,
                    const bool *is_shown, const struct job_view **out)
{
    struct reading reading = {.t = t, .image = image, .is_shown = is_shown};
    struct mesh_reader reader = {
        .ctx = &reading, .may_discover = may_discover, .is_clear = is_clear, .owns = owns};
    struct job_view *view = ARENA_NEW(t->mem, struct job_view);
    *out = view;
    /* Agreements of an environment are those of its mesh, of this moment. */
    bool is_of_access = str_eq(name, STR("grants")) || str_eq(name, STR("access_requests"));
    return read_mesh_view(t, is_of_access ? gate->users : gate->db, image, &reader, name, view);
}
