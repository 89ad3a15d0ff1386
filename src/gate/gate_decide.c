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

static bool is_of_domain(const struct task *t, const struct image_product *product)
{
    const struct actor *actor = t->actor;
    const struct model_domain *domain = product->definition->domain;
    if (actor->kind == ACTOR_PRODUCT)
        return str_eq(actor->name, product->address);
    return actor->kind == ACTOR_USER
        && (model_names_actor(&domain->owners, actor->name, &actor->groups)
            || model_names_actor(&domain->members, actor->name, &actor->groups));
}

bool gate_may_discover(struct task *t, const struct image *image,
                       const struct image_product *product)
{
    if (!str_eq(product->definition->visibility, STR("restricted")) || actor_is_operator(t->actor)
        || is_of_domain(t, product))
        return true;
    struct arena_mark mark = arena_mark(t->mem);
    bool may = false;
    for (size_t i = 0; i < product->tables.len && !may; i++) {
        may = gate_decide(t, image, &product->tables.at[i])->allowed;
    }
    arena_rewind(t->mem, mark);
    return may;
}

bool gate_denied(struct task *t, const struct policy_actor *reader, const struct image_table *table,
                 str name, const struct decision *decision, uint32_t position)
{
    str why = gate_why_denied(decision);
    task_fail(t, ERR_DENIED, "you may not read " STR_FMT ": " STR_FMT, STR_ARG(name), STR_ARG(why));
    if (!reader && t->actor && actor_is_operator(t->actor))
        task_hint(t, "ask as a user: --as USER, which the audit records");
    else
        task_hint(t, "ask for access: weft access request " STR_FMT "." STR_FMT "%s" STR_FMT,
                  STR_ARG(table->product->address), STR_ARG(table->name),
                  reader && reader->is_product ? " --for product:" : "",
                  STR_ARG(reader && reader->is_product ? reader->name : STR_NONE));
    return task_position(t, position);
}

struct reading {
    struct task *t;
    const struct image *image;
};

static bool may_discover(void *ctx, const struct image_product *product)
{
    struct reading *reading = ctx;
    return gate_may_discover(reading->t, reading->image, product);
}

static bool is_clear(void *ctx, const struct image_table *table)
{
    struct reading *reading = ctx;
    return gate_is_clear(reading->t, reading->image, table);
}

static bool owns(void *ctx, const struct image_product *product)
{
    struct reading *reading = ctx;
    return is_of_domain(reading->t, product);
}

bool gate_mesh_rows(struct task *t, struct gate *gate, const struct image *image, str name,
                    const struct job_view **out)
{
    struct reading reading = {.t = t, .image = image};
    struct mesh_reader reader = {
        .ctx = &reading, .may_discover = may_discover, .is_clear = is_clear, .owns = owns};
    struct job_view *view = ARENA_NEW(t->mem, struct job_view);
    *out = view;
    return read_mesh_view(t, gate->db, image, &reader, name, view);
}
