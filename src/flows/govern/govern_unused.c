/* Grants that nobody uses: each taker of each grant against recorded queries and builds. */
#include "clock/clock.h"
#include "govern_inside.h"
#include "read_use/read_use.h"
#include "user/user.h"

struct govern_uses {
    struct services *services;
    const struct image *image;
    struct user_list users;
    struct use_list queries;
    struct use_builds builds;
    int64_t since_us;
    bool knows_all;
};

/* A taker of a grant, the tables that it opens, and when one of them was last read by it. */
struct govern_use {
    const struct policy *grant;
    struct access_taker taker;
    struct govern_tables tables;
    int64_t last_us; /* 0: never */
};

static bool govern_in_group(const struct user_list *users, str name, str group)
{
    for (size_t i = 0; i < users->len; i++) {
        if (str_eq(users->at[i]->name, name)) {
            return str_list_has(&users->at[i]->groups, group);
        }
    }
    return false;
}

static bool govern_is_by(const struct govern_uses *all, const struct govern_use *use,
                         const struct use *query)
{
    bool is_by = use->taker.kind == ACCESS_USER
                   ? str_eq(query->actor, use->taker.name)
                   : govern_in_group(&all->users, query->actor, use->taker.name);

    return is_by
        && (use->grant->purposes.len == 0 || str_list_has(&use->grant->purposes, query->purpose));
}

static bool govern_is_of(const struct govern_use *use, uint64_t table_id)
{
    for (size_t i = 0; i < use->tables.len; i++) {
        if (use->tables.at[i]->id == table_id) {
            return true;
        }
    }
    return false;
}

static void govern_find_query(const struct govern_uses *all, struct govern_use *use)
{
    for (size_t i = 0; i < all->queries.len; i++) {
        const struct use *query = &all->queries.at[i];

        if (query->time_us > use->last_us && govern_is_of(use, query->table_id)
            && govern_is_by(all, use, query)) {
            use->last_us = query->time_us;
        }
    }
}

static void govern_find_build(const struct govern_uses *all, struct govern_use *use)
{
    str domain, name;

    (void)str_cut(use->taker.name, '.', &domain, &name);
    const struct image_product *product = image_find_product(all->image, domain, name);
    for (size_t i = 0; product != NULL && i < all->builds.len; i++) {
        const struct use_build *build = &all->builds.at[i];

        for (size_t j = 0; j < use->tables.len; j++) {
            if (build->product_id == product->id && build->time_us > use->last_us
                && build->producer_id == use->tables.at[j]->product->id) {
                use->last_us = build->time_us;
            }
        }
    }
}

/* The tables that this taker reads by it, those of them that the asker may be told of. */
static void govern_find_tables(struct task *t, const struct govern_uses *all,
                               struct govern_use *use)
{
    bool is_own = all->knows_all
               || read_access_is_taker(all->image, t->actor, use->taker.kind, use->taker.name);

    for (size_t i = 0; i < all->image->products.len; i++) {
        const struct image_product *product = &all->image->products.at[i];

        if (!gate_may_discover(t, all->image, product)
            || (!is_own && !read_access_is_owner(all->image, t->actor, product->address))) {
            continue;
        }
        for (size_t j = 0; j < product->tables.len; j++) {
            if (read_access_opens(t->mem, use->grant, &use->taker, &product->tables.at[j])) {
                vec_push(t->mem, &use->tables, &product->tables.at[j]);
            }
        }
    }
}

static void govern_put_use(struct task *t, const struct govern_use *use,
                           const struct str_list *purposes, struct json_out *o)
{
    struct str_list opens = {0};
    uint64_t id;
    bool is_agreement = read_access_is_agreement(use->grant, &id);

    for (size_t i = 0; i < use->tables.len; i++) {
        vec_push(t->mem, &opens,
                 arena_format(t->mem, "%.*s.%.*s", STR_ARG(use->tables.at[i]->product->address),
                              STR_ARG(use->tables.at[i]->name)));
    }
    json_out_begin(o, "", '{');
    json_out_str(o, "grant", use->grant->id);
    json_out_str(o, "origin", is_agreement ? STR("agreement") : STR("file"));
    json_out_str(o, "taker_kind", str_of(access_request_taker_name(use->taker.kind)));
    json_out_str(o, "taker", use->taker.name);
    json_out_list(o, "opens", &opens);
    json_out_list(o, "purposes", purposes);
    json_out_time(o, "until", use->grant->until_us);
    json_out_time(o, "last_used", use->last_us);
    json_out_maybe(o, "file", use->grant->file);
    json_out_end(o, '}');
}

/* The agreement that the grant is, or NULL. */
static bool govern_agreement_of(struct task *t, const struct govern_uses *all,
                                const struct policy *grant, struct access_request **out)
{
    uint64_t id;

    *out = NULL;
    return !read_access_is_agreement(grant, &id)
        || access_request_find(t, all->services->db, id, out);
}

static bool govern_put_grant(struct task *t, const struct govern_uses *all,
                             const struct policy *grant, struct json_out *o)
{
    struct access_takers takers;
    struct access_request *agreement;
    bool is_young;

    if (!govern_agreement_of(t, all, grant, &agreement)) {
        return false;
    }
    /* One that was agreed lately had no time to be unused for so long. */
    is_young = agreement != NULL && agreement->changed_us > all->since_us;
    read_access_takers(t->mem, grant, &takers);
    for (size_t i = 0; !is_young && i < takers.len; i++) {
        struct govern_use use = {.grant = grant, .taker = takers.at[i]};

        if (!task_go_on(t)) {
            return false;
        }
        govern_find_tables(t, all, &use);
        if (use.taker.kind == ACCESS_PRODUCT) {
            govern_find_build(all, &use);
        } else {
            govern_find_query(all, &use);
        }
        if (use.tables.len > 0 && use.last_us <= all->since_us) {
            govern_put_use(t, &use, agreement != NULL ? &agreement->purposes : &grant->purposes, o);
        }
    }
    return true;
}

bool govern_report_unused(struct task *t, struct services *s, int64_t days, struct json_out *o)
{
    const int64_t day_us = (int64_t)86400 * 1000000;
    struct govern_uses all = {.services = s,
                              .image = image_pin(t, s->images),
                              .since_us = clock_now_us() - days * day_us};
    bool ok = true;

    all.knows_all = read_access_governs(all.image, t->actor);
    if (!user_list(t, s->db, &all.users) || !read_use_queries(t, s->db, &all.queries)
        || !read_use_builds(t, s->db, &all.builds)) {
        return false;
    }
    json_out_begin(o, "", '{');
    json_out_int(o, "days", days);
    json_out_time(o, "since", all.since_us);
    json_out_begin(o, "grants", '[');
    for (size_t i = 0; ok && i < all.image->policies.len; i++) {
        if (all.image->policies.at[i].effect == POLICY_GRANT) {
            ok = govern_put_grant(t, &all, &all.image->policies.at[i], o);
        }
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
    return ok;
}
