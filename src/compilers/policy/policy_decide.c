/* Rules, actor and table to one decision. It starts at deny. */
#include "buf/buf.h"
#include "clock/clock.h"
#include "policy/policy_inside.h"

struct deciding {
    struct arena *mem;
    const struct policy_actor *actor;
    const struct policy_table *table;
    int64_t now_us;
    struct decision *out;
};

str policy_address(struct arena *mem, str domain, str product, str table)
{
    return table.len ? arena_format(mem, STR_FMT "." STR_FMT "." STR_FMT, STR_ARG(domain),
                                    STR_ARG(product), STR_ARG(table))
                     : arena_format(mem, STR_FMT "." STR_FMT, STR_ARG(domain), STR_ARG(product));
}

str policy_filter_text(struct arena *mem, const struct policy *policy)
{
    struct buf *b = buf_new(mem, 1 << 20);
    buf_add(b, policy->filter_column);
    buf_add(b, STR(" = "));
    if (policy->filter_literal_is_text)
        buf_add_literal(b, policy->filter_literal);
    else
        buf_add(b, policy->filter_literal);
    return buf_str(b);
}

str policy_until_text(struct arena *mem, int64_t until_us)
{
    int64_t day_us = (int64_t)86400 * 1000000;
    if (until_us % day_us)
        return clock_text(mem, until_us);
    return str_sub(clock_text(mem, until_us - day_us), 0, 10);
}

/* Labels only ever tighten: a difference in case must not open anything. */
static bool has_label(const struct str_list *list, str label)
{
    for (size_t i = 0; i < list->len; i++)
        if (str_eq_nocase(list->at[i], label))
            return true;
    return false;
}

static bool shares_label(const struct str_list *list, const struct str_list *labels)
{
    for (size_t i = 0; i < labels->len; i++)
        if (has_label(list, labels->at[i]))
            return true;
    return false;
}

static bool shares_one(const struct str_list *a, const struct str_list *b)
{
    for (size_t i = 0; i < a->len; i++)
        if (str_list_has(b, a->at[i]))
            return true;
    return false;
}

bool policy_matches_table(struct arena *mem, const struct policy *policy,
                          const struct policy_table *table)
{
    const struct policy_selector *s = &policy->selector;
    if (policy->domain.len && !str_eq(policy->domain, table->domain))
        return false;
    if (policy->effect == POLICY_GRANT && policy->contract.len
        && !str_eq(policy->contract, table->contract))
        return false;
    if (policy->effect == POLICY_GRANT && policy->contract.len == 0 && s->products.len == 0)
        return false;
    if (policy->effect == POLICY_FILTER && s->tags.len && !shares_label(&s->tags, &table->tags))
        return false;
    return (s->domains.len == 0 || str_list_has(&s->domains, table->domain))
        && (s->products.len == 0
            || str_list_has(&s->products,
                            policy_address(mem, table->domain, table->product, STR_NONE)))
        && (s->tables.len == 0
            || str_list_has(&s->tables,
                            policy_address(mem, table->domain, table->product, table->name)));
}

bool policy_matches_column(const struct policy *policy, const struct policy_column *column)
{
    const struct policy_selector *s = &policy->selector;
    return (s->classifications.len == 0 || has_label(&s->classifications, column->classification))
        && (s->tags.len == 0 || shares_label(&s->tags, &column->tags))
        && (s->columns.len == 0 || has_label(&s->columns, column->name));
}

const struct policy_column *policy_find_column(const struct policy_table *table, str name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (str_eq_nocase(table->columns[i].name, name))
            return &table->columns[i];
    return NULL;
}

static void add_reason(struct deciding *d, str policy, const char *effect, str text)
{
    vec_push(d->mem, &d->out->reasons,
             ((struct decision_reason){.policy = policy, .effect = str_of(effect), .text = text}));
}

/* The entry of the owners that means this actor, or an empty str. */
static str owner_entry(const struct policy_actor *actor, const struct policy_table *table)
{
    for (size_t i = 0; !actor->is_product && i < table->owners.len; i++) {
        str kind, name;
        if (!str_cut(table->owners.at[i], ':', &kind, &name) || name.len == 0)
            continue;
        if (str_eq(kind, STR("user"))
                ? str_eq(name, actor->name)
                : str_eq(kind, STR("group")) && str_list_has(&actor->groups, name))
            return table->owners.at[i];
    }
    return STR_NONE;
}

static bool is_excepted(const struct deciding *d, const struct policy *policy)
{
    const struct policy_except *e = &policy->except;
    if (d->actor->is_product)
        return str_list_has(&e->products, d->actor->name);
    return (d->actor->name.len && str_list_has(&e->users, d->actor->name))
        || shares_one(&e->groups, &d->actor->groups)
        || (e->owners && owner_entry(d->actor, d->table).len);
}

/* Whom of the grant's takers this actor is, for people; empty when it is none of them. */
static str taker(const struct deciding *d, const struct policy *policy)
{
    const struct policy_actor *actor = d->actor;
    if (actor->is_product)
        return str_list_has(&policy->to_products, actor->name)
                 ? arena_format(d->mem, "product " STR_FMT, STR_ARG(actor->name))
                 : STR_NONE;
    if (actor->name.len && str_list_has(&policy->to_users, actor->name))
        return arena_format(d->mem, "user " STR_FMT, STR_ARG(actor->name));
    for (size_t i = 0; i < policy->to_groups.len; i++)
        if (str_list_has(&actor->groups, policy->to_groups.at[i]))
            return arena_format(d->mem, "group " STR_FMT, STR_ARG(policy->to_groups.at[i]));
    return STR_NONE;
}

static void weigh_grant(struct deciding *d, const struct policy *policy)
{
    str who = taker(d, policy);
    if (!who.len || !policy_matches_table(d->mem, policy, d->table))
        return;
    str purposes = str_list_join(d->mem, &policy->purposes, STR(", "));
    if (policy->until_us && d->now_us >= policy->until_us) {
        add_reason(d, policy->id, "deny",
                   arena_format(d->mem, "the grant ended with " STR_FMT,
                                STR_ARG(policy_until_text(d->mem, policy->until_us))));
        return;
    }
    if (policy->purposes.len && !str_list_has(&policy->purposes, d->actor->purpose)) {
        add_reason(d, policy->id, "deny",
                   arena_format(d->mem, "the grant is for the purpose " STR_FMT "%s" STR_FMT,
                                STR_ARG(purposes),
                                d->actor->purpose.len ? ", not for " : ", and none was declared",
                                STR_ARG(d->actor->purpose)));
        return;
    }
    struct buf *b = buf_new(d->mem, 1 << 20);
    buf_format(b, STR_FMT " may read ", STR_ARG(who));
    if (policy->contract.len)
        buf_format(b, "contract " STR_FMT, STR_ARG(policy->contract));
    else
        buf_format(b, "product " STR_FMT "." STR_FMT, STR_ARG(d->table->domain),
                   STR_ARG(d->table->product));
    if (policy->role.len)
        buf_format(b, " as " STR_FMT, STR_ARG(policy->role));
    if (purposes.len)
        buf_format(b, " for " STR_FMT, STR_ARG(purposes));
    if (policy->until_us)
        buf_format(b, " until " STR_FMT, STR_ARG(policy_until_text(d->mem, policy->until_us)));
    add_reason(d, policy->id, "grant", buf_str(b));
    d->out->allowed = true;
}

/* The owners and the grants: may the actor read the table at all? */
static void decide_access(struct deciding *d, const struct policies *policies)
{
    str owner = owner_entry(d->actor, d->table);
    if (owner.len) {
        d->out->allowed = true;
        add_reason(d, STR("owner"), "grant",
                   arena_format(d->mem, STR_FMT " owns domain " STR_FMT, STR_ARG(owner),
                                STR_ARG(d->table->domain)));
    }
    for (size_t i = 0; i < policies->len; i++)
        if (policies->at[i].effect == POLICY_GRANT)
            weigh_grant(d, &policies->at[i]);
    if (!d->out->allowed)
        add_reason(d, STR("default"), "deny", STR("nothing is granted by default"));
}

static void add_mask(struct deciding *d, const struct policy *policy)
{
    for (size_t i = 0; i < d->table->column_count; i++) {
        const struct policy_column *column = &d->table->columns[i];
        if (!policy_matches_column(policy, column))
            continue;
        struct decision_column *decided = &d->out->columns.at[i];
        decided->mask = policy->method > decided->mask ? policy->method : decided->mask;
        add_reason(
            d, policy->id, "mask",
            arena_format(d->mem, "column " STR_FMT " is always NULL", STR_ARG(column->name)));
    }
}

static void add_filter(struct deciding *d, const struct policy *policy)
{
    const struct policy_column *column = policy_find_column(d->table, policy->filter_column);
    str text = policy_filter_text(d->mem, policy);
    if (!column) {
        /* A past release without the column: which rows are meant cannot be told any more. */
        d->out->allowed = false;
        add_reason(d, policy->id, "deny",
                   arena_format(d->mem,
                                "rows are shown where " STR_FMT ", and there is no such column",
                                STR_ARG(text)));
        return;
    }
    vec_push(d->mem, &d->out->filters,
             ((struct decision_filter){.column_id = column->id,
                                       .column = column->name,
                                       .type = column->type,
                                       .literal = policy->filter_literal}));
    add_reason(d, policy->id, "filter",
               arena_format(d->mem, "rows are shown where " STR_FMT, STR_ARG(text)));
}

void policy_decide(struct arena *mem, const struct policies *policies,
                   const struct policy_actor *actor, const struct policy_table *table,
                   int64_t now_us, struct decision *out)
{
    *out = (struct decision){.policy_version = policies->version};
    struct deciding d = {.mem = mem, .actor = actor, .table = table, .now_us = now_us, .out = out};
    for (size_t i = 0; i < table->column_count; i++)
        vec_push(mem, &out->columns,
                 ((struct decision_column){.id = table->columns[i].id,
                                           .name = table->columns[i].name,
                                           .type = table->columns[i].type}));
    if (actor->is_product
        && str_eq(actor->name, policy_address(mem, table->domain, table->product, STR_NONE))) {
        out->allowed = true;
        add_reason(&d, STR("self"), "grant", STR("a product reads its own tables in the clear"));
        return;
    }
    decide_access(&d, policies);
    for (size_t i = 0; out->allowed && i < policies->len; i++) {
        const struct policy *policy = &policies->at[i];
        if (policy->effect == POLICY_GRANT || !policy_matches_table(mem, policy, table)
            || is_excepted(&d, policy))
            continue;
        if (policy->effect == POLICY_MASK)
            add_mask(&d, policy);
        else
            add_filter(&d, policy);
    }
    if (!out->allowed)
        out->columns.len = out->filters.len = 0;
}
