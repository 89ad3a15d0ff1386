/* The policies of the mesh, as far as the actor may know of what they name. */
#include "browse_inside.h"
#include "clock/clock.h"
#include "read_mesh/read_mesh.h"

struct browse_reader {
    struct task *t;
    const struct image *image;
};

static bool browse_discovers(void *ctx, const struct image_product *product)
{
    const struct browse_reader *reader = ctx;

    return gate_may_discover(reader->t, reader->image, product);
}

struct browse_reach {
    struct str_list tables;
    size_t columns;
};

/* Tables of products that the actor may discover. */
static void browse_find_reach(struct task *t, const struct image *image,
                              const struct policy *policy, struct browse_reach *out)
{
    for (size_t i = 0; i < image->products.len; i++) {
        const struct image_product *product = &image->products.at[i];

        if (policy->effect == POLICY_REQUIRE || !gate_may_discover(t, image, product)) {
            continue;
        }
        for (size_t j = 0; j < product->tables.len; j++) {
            struct policy_table table;
            size_t columns;

            image_policy_table(t->mem, &product->tables.at[j], &table);
            if (policy_reaches(t->mem, policy, &table, &columns)) {
                vec_push(t->mem, &out->tables,
                         arena_format(t->mem, "%.*s.%.*s", STR_ARG(product->address),
                                      STR_ARG(table.name)));
                out->columns += columns;
            }
        }
    }
}

static void browse_policy_head(const struct policy *policy, const struct browse_reach *reach,
                               struct json_out *o)
{
    json_out_str(o, "id", policy->id);
    json_out_str(o, "scope", policy->domain.len > 0 ? policy->domain : STR("global"));
    json_out_str(o, "effect", str_of(policy_effect_name(policy->effect)));
    json_out_uint(o, "tables_count", reach->tables.len);
    json_out_uint(o, "columns_count", reach->columns);
    json_out_maybe(o, "owner", policy->owner);
    json_out_maybe(o, "description", policy->description);
    json_out_str(o, "file", policy->file);
    json_out_uint(o, "line", policy->place.line);
}

static void browse_policy_takers(const struct policy *policy, struct json_out *o)
{
    json_out_list(o, "to_users", &policy->to_users);
    json_out_list(o, "to_groups", &policy->to_groups);
    json_out_list(o, "to_products", &policy->to_products);
    json_out_list(o, "purposes", &policy->purposes);
    json_out_time(o, "ends_at", policy->until_us);
    json_out_bool(o, "ended", policy->until_us != 0 && clock_now_us() >= policy->until_us);
}

static void browse_policy_except(const struct policy_except *except, struct json_out *o)
{
    json_out_begin(o, "except", '{');
    json_out_list(o, "users", &except->users);
    json_out_list(o, "groups", &except->groups);
    json_out_list(o, "products", &except->products);
    json_out_list(o, "purposes", &except->purposes);
    json_out_bool(o, "owners", except->owners);
    json_out_end(o, '}');
}

static void browse_policy_effect(struct task *t, const struct policy *policy, struct json_out *o)
{
    switch (policy->effect) {
    case POLICY_GRANT:
        json_out_maybe(o, "contract", policy->contract);
        json_out_maybe(o, "role", policy->role);
        browse_policy_takers(policy, o);
        break;
    case POLICY_DENY:
        browse_policy_takers(policy, o);
        browse_policy_except(&policy->except, o);
        break;
    case POLICY_FILTER:
        json_out_str(o, "where", policy->where);
        browse_policy_except(&policy->except, o);
        break;
    case POLICY_MASK:
        json_out_str(o, "method", str_of(mask_method_name(policy->mask.method)));
        json_out_str(o, "shows", policy_mask_text(t->mem, &policy->mask));
        browse_policy_except(&policy->except, o);
        break;
    case POLICY_REQUIRE:
        json_out_str(o, "severity", policy->is_warning ? STR("warning") : STR("error"));
        json_out_maybe(o, "message", policy->message);
        json_out_str(o, "query", policy->query);
        break;
    case POLICY_WAIVE:
        json_out_str(o, "waives", policy->waives);
        json_out_str(o, "approver", policy->approver);
        json_out_str(o, "reason", policy->reason);
        browse_policy_takers(policy, o);
        break;
    }
}

bool browse_policies(struct task *t, struct services *s, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);
    struct browse_reader who = {.t = t, .image = image};
    struct mesh_reader reader = {.ctx = &who, .may_discover = browse_discovers};

    json_out_begin(o, "", '{');
    json_out_begin(o, "policies", '[');
    for (size_t i = 0; image->model != NULL && i < image->model->policies.len; i++) {
        const struct policy *policy = &image->model->policies.at[i];
        struct browse_reach reach = {0};

        if (!read_mesh_may_know_policy(t->mem, image, &reader, policy)) {
            continue;
        }
        browse_find_reach(t, image, policy, &reach);
        json_out_begin(o, "", '{');
        browse_policy_head(policy, &reach, o);
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
    return task_go_on(t);
}

bool browse_policy(struct task *t, struct services *s, str id, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);
    struct browse_reader who = {.t = t, .image = image};
    struct mesh_reader reader = {.ctx = &who, .may_discover = browse_discovers};

    for (size_t i = 0; image->model != NULL && i < image->model->policies.len; i++) {
        const struct policy *policy = &image->model->policies.at[i];
        struct browse_reach reach = {0};

        if (!str_eq(policy->id, id) || !read_mesh_may_know_policy(t->mem, image, &reader, policy)) {
            continue;
        }
        browse_find_reach(t, image, policy, &reach);
        json_out_begin(o, "", '{');
        browse_policy_head(policy, &reach, o);
        json_out_list(o, "tables", &reach.tables);
        browse_policy_effect(t, policy, o);
        json_out_end(o, '}');
        return true;
    }
    task_fail(t, ERR_NOT_FOUND, "there is no policy %.*s, or you may not know of it", STR_ARG(id));
    return task_hint(t, "weft policy list shows them");
}
