/* One policy document to one rule, or to findings: its envelope, and the parts that several effects share. */
#include "clock/clock.h"
#include "policy/policy_inside.h"

enum { DAY_SECONDS = 86400 };

void policy_read_texts(struct policy_reader *r, struct str_list *out, const struct tree *node)
{
    if (node && node->kind == TREE_SCALAR)
        str_list_add(r->mem, out, node->text);
    for (size_t i = 0; node && node->kind == TREE_LIST && i < node->len; i++)
        str_list_add(r->mem, out, node->at[i]->text);
}

static bool is_address(str text, int parts)
{
    str head, tail = text;
    for (int i = 0; i < parts; i++) {
        bool has_more = str_cut(tail, '.', &head, &tail);
        if (!str_is_name(head) || has_more != (i + 1 < parts))
            return false;
    }
    return true;
}

/* `domain.product`; in a domain's own policy the domain may be left out. */
static void add_address(struct policy_reader *r, struct str_list *out, const struct tree *scalar,
                        int parts)
{
    str text = scalar->text;
    if (r->domain.len && is_address(text, parts - 1))
        text = arena_format(r->mem, STR_FMT "." STR_FMT, STR_ARG(r->domain), STR_ARG(text));
    if (is_address(text, parts)) {
        str_list_add(r->mem, out, text);
        return;
    }
    struct finding *f = shape_error(r->mem, r->file, r->report, scalar,
                                    "this is no address of a %s", parts == 2 ? "product" : "table");
    f->found = scalar->text;
    f->allowed = parts == 2 ? STR("domain.product") : STR("domain.product.table");
}

void policy_read_addresses(struct policy_reader *r, struct str_list *out, const struct tree *node,
                           int parts)
{
    if (node && node->kind == TREE_SCALAR)
        add_address(r, out, node, parts);
    for (size_t i = 0; node && node->kind == TREE_LIST && i < node->len; i++)
        add_address(r, out, node->at[i], parts);
}

/* Users and groups stand alone here; elsewhere they are written as principals. */
static void add_names(struct policy_reader *r, struct str_list *out, const struct tree *node)
{
    for (size_t i = 0; node && i < node->len; i++) {
        str text = node->at[i]->text;
        if (shape_is_principal(text)) {
            struct finding *f = shape_error(r->mem, r->file, r->report, node->at[i],
                                            "the list says already what kind of name this is");
            f->found = text;
            f->hint = arena_format(r->mem, "write " STR_FMT,
                                   STR_ARG(str_from(text, str_find(text, STR(":")) + 1)));
        } else {
            str_list_add(r->mem, out, text);
        }
    }
}

/* `domain.product`, or that with the digest of the SQL that is meant. */
static void read_excepted(struct policy_reader *r, const struct tree *node)
{
    struct policy_except *except = &r->policy->except;
    for (size_t i = 0; node && node->kind == TREE_LIST && i < node->len; i++) {
        const struct tree *item = node->at[i];
        const struct tree *product =
            item->kind == TREE_MAP ? tree_find(item, STR("product")) : item;
        size_t before = except->products.len;
        if (product)
            add_address(r, &except->products, product, 2);
        if (except->products.len > before)
            vec_push(r->mem, &except->digests, tree_find_text(item, STR("digest")));
    }
    if (node)
        except->place = tree_place(r->mem, r->file, node);
}

void policy_read_except(struct policy_reader *r, const struct tree *node)
{
    struct policy_except *except = &r->policy->except;
    add_names(r, &except->users, tree_find(node, STR("users")));
    add_names(r, &except->groups, tree_find(node, STR("groups")));
    policy_read_texts(r, &except->purposes, tree_find(node, STR("purposes")));
    read_excepted(r, tree_find(node, STR("products")));
    const struct tree *owners = tree_find(node, STR("owners"));
    if (owners)
        (void)tree_is_bool(owners, &except->owners);
}

/* A domain's policy may speak of its own products only: others are not its to tighten or open. */
void policy_read_scope(struct policy_reader *r, const struct tree *node,
                       const struct str_list *names, bool is_domain)
{
    for (size_t i = 0; r->domain.len && i < names->len; i++) {
        str domain, rest;
        str_cut(names->at[i], '.', &domain, &rest);
        if (str_eq(is_domain ? names->at[i] : domain, r->domain))
            continue;
        struct finding *f = shape_error(r->mem, r->file, r->report, node,
                                        "a policy of domain " STR_FMT " speaks of another domain",
                                        STR_ARG(r->domain));
        f->found = names->at[i];
        f->hint = STR("global policies stand in policies/ and belong to the guild");
    }
}

void policy_read_selector(struct policy_reader *r, const struct tree *node)
{
    struct policy_selector *s = &r->policy->selector;
    policy_read_texts(r, &s->classifications, tree_find(node, STR("classification")));
    policy_read_texts(r, &s->tags, tree_find(node, STR("tags")));
    policy_read_texts(r, &s->tags, tree_find(node, STR("tag")));
    policy_read_texts(r, &s->domains, tree_find(node, STR("domain")));
    policy_read_texts(r, &s->columns, tree_find(node, STR("column")));
    policy_read_addresses(r, &s->products, tree_find(node, STR("product")), 2);
    policy_read_addresses(r, &s->tables, tree_find(node, STR("table")), 3);
    policy_read_scope(r, node, &s->domains, true);
    policy_read_scope(r, node, &s->products, false);
    policy_read_scope(r, node, &s->tables, false);
    if (node->len == 0) {
        struct finding *f = shape_error(r->mem, r->file, r->report, node, "this chooses nothing");
        f->hint = r->policy->effect == POLICY_MASK ? STR("name a classification, or a domain")
                                                   : STR("name a domain, product, table or tag");
    }
}

void policy_read_until(struct policy_reader *r, const struct tree *node)
{
    if (!node)
        return;
    int64_t until_us;
    if (clock_parse(node->text, &until_us)) {
        bool is_date = !str_has(node->text, ':');
        r->policy->until_us = until_us + (is_date ? (int64_t)DAY_SECONDS * 1000000 : 0);
        return;
    }
    struct finding *f = shape_error(r->mem, r->file, r->report, node, "this is no date");
    f->found = node->text;
    f->allowed =
        STR("a date as 2027-01-31, whose whole day is meant, or a time as 2027-01-31T12:00:00Z");
}

bool policy_read_takers(struct policy_reader *r, const struct tree *node)
{
    struct policy *policy = r->policy;
    add_names(r, &policy->to_users, tree_find(node, STR("users")));
    add_names(r, &policy->to_groups, tree_find(node, STR("groups")));
    policy_read_addresses(r, &policy->to_products, tree_find(node, STR("products")), 2);
    size_t takers = 0;
    for (size_t i = 0; node && i < node->len; i++)
        takers += node->at[i]->len;
    return takers > 0;
}

void policy_read_purposes(struct policy_reader *r, const struct tree *node)
{
    const struct tree *purposes = tree_find(node, STR("purposes"));
    policy_read_texts(r, &r->policy->purposes, purposes);
    if (purposes && purposes->len == 0) {
        struct finding *f =
            shape_error(r->mem, r->file, r->report, purposes, "an empty list of purposes");
        f->hint = STR("remove it to grant for any purpose");
    }
}

static bool is_policy_id(str id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        bool is_letter = c >= 'a' && c <= 'z';
        if (!is_letter && !(i && ((c >= '0' && c <= '9') || c == '-' || c == '_')))
            return false;
    }
    return id.len > 0;
}

static void read_envelope(struct policy_reader *r, const struct tree *document)
{
    struct policy *policy = r->policy;
    policy->id = tree_find_text(document, STR("id"));
    policy->description = tree_find_text(document, STR("description"));
    policy->owner = tree_find_text(document, STR("owner"));
    if (!is_policy_id(policy->id)) {
        struct finding *f = shape_error(r->mem, r->file, r->report, tree_find(document, STR("id")),
                                        "this is no id of a policy");
        f->found = policy->id;
        f->allowed = STR("small letters, digits, - and _, beginning with a letter");
    } else if (str_eq(policy->id, STR("owner")) || str_eq(policy->id, STR("self"))
               || str_eq(policy->id, STR("default"))) {
        shape_error(r->mem, r->file, r->report, tree_find(document, STR("id")),
                    "owner, self and default are names of weft's own reasons");
    }
    if (policy->owner.len == 0)
        report_add(r->report, FINDING_WARNING, ERR_INVALID, policy->place,
                   "the policy names no owner");
    if (policy->description.len == 0)
        report_add(r->report, FINDING_WARNING, ERR_INVALID, policy->place,
                   "the policy gives no reason")
            ->hint = STR("say why in description");
}

static void read_effect(struct policy_reader *r, const struct tree *document, const char *name)
{
    static const struct {
        const char *name;
        void (*read)(struct policy_reader *r, const struct tree *node);
    } readers[] = {{"grant", policy_read_grant},     {"deny", policy_read_deny},
                   {"filter", policy_read_filter},   {"mask", policy_read_mask},
                   {"require", policy_read_require}, {"waive", policy_read_waive}};
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
        if (str_eq(str_of(readers[i].name), str_of(name)))
            readers[i].read(r, tree_find(document, str_of(name)));
}

struct policy *policy_read(struct arena *mem, str file, str domain, const struct tree *document,
                           struct report *report)
{
    size_t before = report->errors, effects = 0;
    const char *name = NULL;
    if (!shape_check(mem, file, &shape_policy, document, report))
        return NULL;
    struct policy_reader r = {.mem = mem, .file = file, .domain = domain, .report = report};
    r.policy = ARENA_NEW(mem, struct policy);
    r.policy->file = file;
    r.policy->domain = domain;
    r.policy->place = tree_place(mem, file, document);
    read_envelope(&r, document);
    for (enum policy_effect effect = POLICY_GRANT; effect <= POLICY_WAIVE; effect++)
        if (tree_find(document, str_of(policy_effect_name(effect)))) {
            effects++;
            r.policy->effect = effect;
            name = policy_effect_name(effect);
        }
    if (effects != 1) {
        struct finding *f =
            shape_error(mem, file, report, document, "a policy has exactly one effect");
        f->allowed = STR("grant, deny, filter, mask, require, waive");
        return NULL;
    }
    if (r.policy->effect != POLICY_REQUIRE && tree_find(document, STR("severity")))
        shape_error(mem, file, report, tree_find(document, STR("severity")),
                    "only a require has a severity");
    read_effect(&r, document, name);
    return report->errors == before ? r.policy : NULL;
}

struct adding {
    struct arena *mem;
    struct policies *policies;
};

static void add_entitlement(void *state, const struct policy_expression *at)
{
    struct adding *adding = state;
    if (at->kind != EXPRESSION_ENTITLED)
        return;
    for (size_t i = 0; i < adding->policies->entitlements.len; i++) {
        const struct policy_entitlement *other = &adding->policies->entitlements.at[i];
        if (str_eq(other->table, at->table) && str_eq(other->user, at->user)
            && str_eq(other->value, at->value))
            return;
    }
    vec_push(
        adding->mem, &adding->policies->entitlements,
        ((struct policy_entitlement){.table = at->table, .user = at->user, .value = at->value}));
}

void policy_add_entitlements(struct arena *mem, const struct policy *policy,
                             struct policies *policies)
{
    struct adding adding = {.mem = mem, .policies = policies};
    if (policy->condition)
        policy_expression_walk(policy->condition, &adding, add_entitlement);
}
