/* How many classes of copies the policies of a plan make of each table, and what these weigh: beside what holds today. */
#include "clock/clock.h"
#include "map/map.h"
#include "plan_inside.h"
#include "user/user.h"

enum {
    PLAN_DECISIONS_MAX = 100000, /* of all tables: some tens of microseconds each */
};

struct plan_readers {
    VEC_OF(struct policy_actor)
};

/* With no purpose, and with each that the mesh declares. */
static void plan_add_reader(struct arena *mem, const struct model *model, struct policy_actor actor,
                            struct plan_readers *out)
{
    vec_push(mem, out, actor);
    for (size_t i = 0; i < model->mesh.purposes.len; i++) {
        actor.purpose = model->mesh.purposes.at[i];
        vec_push(mem, out, actor);
    }
}

static bool plan_add_local(struct task *t, struct metadb *db, const struct model *model,
                           struct plan_readers *out)
{
    struct user_list users = {0};

    if (!user_list(t, db, &users)) {
        return false;
    }
    for (size_t i = 0; i < users.len; i++) {
        struct actor actor;
        struct policy_actor reader;

        if (users.at[i]->is_of_mesh) {
            continue;
        }
        if (!user_to_actor(t, users.at[i], STR_NONE, &actor)) {
            return false;
        }
        actor_to_policy(&actor, &reader);
        plan_add_reader(t->mem, model, reader, out);
    }
    return true;
}

/* Users of mesh.yaml and local ones, and the products that declare an input. */
static bool plan_find_readers(struct task *t, struct metadb *db, const struct model *model,
                              struct plan_readers *out)
{
    for (size_t i = 0; i < model->mesh.users.len; i++) {
        const struct model_user *user = &model->mesh.users.at[i];

        plan_add_reader(t->mem, model,
                        (struct policy_actor){.name = user->name,
                                              .groups = user->groups,
                                              .attributes = user->attributes},
                        out);
    }
    for (size_t i = 0; i < model->products.len; i++) {
        const struct model_product *product = model->products.at[i];

        if (product->inputs.len > 0) {
            vec_push(t->mem, out,
                     ((struct policy_actor){.name = product->address, .is_product = true}));
        }
    }
    return plan_add_local(t, db, model, out);
}

/* The agreements of the mesh, which no bundle changes, and the rows of entitlements as they are published. */
static void plan_complete(struct arena *mem, const struct image *image, const struct model *model,
                          struct policies *out)
{
    plan_gather_policies(mem, image, model, out);
    out->entitlements.at = ARENA_ARRAY(mem, struct policy_entitlement, out->entitlements.len + 1);
    for (size_t i = 0; i < out->entitlements.len; i++) {
        struct policy_entitlement *set = &out->entitlements.at[i];

        *set = model->policies.entitlements.at[i];
        for (size_t j = 0; j < image->policies.entitlements.len; j++) {
            const struct policy_entitlement *now = &image->policies.entitlements.at[j];

            if (str_eq(now->table, set->table) && str_eq(now->user, set->user)
                && str_eq(now->value, set->value)) {
                *set = *now;
            }
        }
    }
}

/* Facts of files speak of columns by their ids: those that there are keep theirs. */
static void plan_number_columns(struct arena *mem, const struct image_table *now,
                                struct policy_table *table)
{
    struct policy_column *columns = ARENA_ARRAY(mem, struct policy_column, table->column_count + 1);

    for (size_t i = 0; i < table->column_count; i++) {
        columns[i] = table->columns[i];
        columns[i].id = UINT32_MAX - (uint32_t)i;
        for (size_t j = 0; j < now->columns.len; j++) {
            if (str_eq_nocase(now->columns.at[j].name, columns[i].name)) {
                columns[i].id = now->columns.at[j].id;
            }
        }
    }
    table->columns = columns;
}

struct plan_counting {
    struct plan *p;
    bool touches_all;   /* readers, or policies */
    struct map touched; /* products of which something changes, by their addresses */
    const struct image *image;
    struct policies policies;
    struct plan_readers readers, readers_now; /* found for the first table that is counted */
    bool has_readers;
    size_t decisions_left;
};

/* A table that is published, as the plan has it. */
struct plan_subject {
    const struct model_product *product;
    const struct contract *contract;
    const struct contract_table *table;
    const struct image_table *now;
};

/* Where may there be other classes after the plan? Labels that come or go are changes too. */
static void plan_find_touched(struct arena *mem, struct plan_counting *c)
{
    map_init(&c->touched, mem);
    for (size_t i = 0; i < c->p->changes.len; i++) {
        const struct plan_change *change = &c->p->changes.at[i];
        str name, rest, domain, product;

        (void)str_cut(change->name, ':', &name, &rest);
        c->touches_all = c->touches_all || str_eq(change->kind, STR("mesh"))
                      || str_eq(change->kind, STR("policy")) || str_eq(change->kind, STR("domain"));
        if (str_cut(name, '.', &domain, &rest)) {
            (void)str_cut(rest, '.', &product, &rest);
            product = contract_table_plain(product); /* of whichever major */
            map_put(&c->touched, arena_format(mem, "%.*s.%.*s", STR_ARG(domain), STR_ARG(product)),
                    c);
        }
    }
}

static bool plan_begin_count(struct task *t, struct plan_counting *c)
{
    struct metadb *db = services_mesh(c->p->services)->db;

    c->has_readers = true;
    plan_complete(t->mem, c->image, c->p->model, &c->policies);
    return plan_find_readers(t, db, c->p->model, &c->readers)
        && plan_find_readers(t, db, c->image->model, &c->readers_now);
}

static bool plan_is_touched(const struct plan_counting *c, str address)
{
    return c->touches_all || map_find(&c->touched, address) != NULL;
}

static void plan_demand_order(struct plan *p, const struct plan_subject *subject,
                              const struct gate_classes *classes)
{
    const struct config *config = p->services->config;
    uint64_t most = (uint64_t)CONFIG_INT(config, unclustered_classes_max);
    str order = plan_clustered_by(subject->table);

    if (subject->now->rows <= (uint64_t)CONFIG_INT(config, part_rows_max)
        || classes->classes <= most || classes->column.len == 0
        || str_eq_nocase(order, classes->column)) {
        return;
    }
    struct finding *finding = report_add(
        &p->findings, FINDING_ERROR, ERR_INVALID, subject->table->place,
        "policies make %llu classes of copies of the large table %.*s.%.*s, which is not clustered "
        "by %.*s",
        (unsigned long long)classes->classes, STR_ARG(subject->product->address),
        STR_ARG(subject->table->name), STR_ARG(classes->column));
    finding->hint = arena_format(p->findings.mem,
                                 "customProperties: [{property: clusterBy, value: %.*s}] makes "
                                 "them small; more than %llu need it (unclustered_classes_max)",
                                 STR_ARG(classes->column), (unsigned long long)most);
}

static void plan_count_table(struct task *t, struct plan_counting *c,
                             const struct plan_subject *subject)
{
    struct plan *p = c->p;
    const struct image_table *now = subject->now;
    int64_t now_us = clock_now_us();
    struct policy_table table, before;
    struct plan_classes *out;
    struct gate_classes was, will;
    /* Sizes of copies for others speak of rows that the actor may not see. */
    bool has_bytes = actor_is_operator(t->actor) || gate_is_clear(t, c->image, now);

    plan_policy_table(t->mem, subject->product, subject->contract, subject->table, p->labels,
                      &table);
    plan_number_columns(t->mem, now, &table);
    image_policy_table(t->mem, now, &before);
    gate_count_classes(t->mem, policy_rules(t->mem, &c->policies, &table), now, c->readers.at,
                       c->readers.len, now_us, &will);
    gate_count_classes(t->mem, policy_rules(t->mem, &c->image->policies, &before), now,
                       c->readers_now.at, c->readers_now.len, now_us, &was);
    plan_demand_order(p, subject, &will);
    if (will.classes == was.classes && will.readers == was.readers
        && (!has_bytes || will.bytes == was.bytes)) {
        return;
    }
    out = vec_add(t->mem, &p->classes);
    *out = (struct plan_classes){
        .table =
            arena_format(t->mem, "%.*s.%.*s", STR_ARG(now->product->address), STR_ARG(now->name)),
        .readers = will.readers,
        .classes = will.classes,
        .readers_now = was.readers,
        .classes_now = was.classes,
        .bytes = will.bytes,
        .bytes_now = was.bytes,
        .has_bytes = has_bytes,
    };
}

static bool plan_count_product(struct task *t, struct plan_counting *c,
                               const struct model_product *product)
{
    const struct image_product *now =
        image_find_product(c->image, product->domain->name, product->name);
    struct plan_subject subject = {.product = product};

    if (now == NULL || now->release.number == 0 || !plan_is_touched(c, now->address)
        || !gate_may_discover(t, c->image, now)) {
        return true;
    }
    if (!c->has_readers && !plan_begin_count(t, c)) {
        return false;
    }
    for (size_t i = 0; i < product->outputs.len; i++) {
        subject.contract = product->outputs.at[i].contract;
        for (size_t j = 0; j < subject.contract->tables.len; j++) {
            size_t decisions = c->readers.len + c->readers_now.len;

            subject.table = &subject.contract->tables.at[j];
            subject.now = image_find_table(now, subject.table->name);
            if (subject.now == NULL) {
                continue;
            }
            if (c->decisions_left < decisions) {
                c->p->classes_left_out++;
                continue;
            }
            c->decisions_left -= decisions;
            plan_count_table(t, c, &subject);
            if (!task_go_on(t)) {
                return false;
            }
        }
    }
    return true;
}

bool plan_count_classes(struct task *t, const struct image *image, struct plan *p)
{
    struct plan_counting c = {.p = p, .image = image, .decisions_left = PLAN_DECISIONS_MAX};
    size_t errors = p->findings.errors;

    if (image->model == NULL || p->changes.len == 0) {
        return true;
    }
    plan_find_touched(t->mem, &c);
    for (size_t i = 0; i < p->model->products.len; i++) {
        const struct model_product *product = p->model->products.at[i];

        if (plan_is_planned(p, product->domain->name) && !plan_count_product(t, &c, product)) {
            return false;
        }
    }
    report_sort(&p->findings);
    return p->findings.errors == errors
        || task_fail(t, ERR_INVALID, "%zu table%s to be clustered", p->findings.errors - errors,
                     p->findings.errors - errors > 1 ? "s have" : " has");
}
