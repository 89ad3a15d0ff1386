/* One policy document to one rule, or to findings. */
#include "clock/clock.h"
#include "policy/policy_inside.h"

enum { DAY_SECONDS = 86400 };

struct reader {
    struct arena *mem;
    str file, domain;
    struct report *report;
    struct policy *policy;
};

static void add_texts(struct reader *r, struct str_list *out, const struct tree *node)
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
static void add_address(struct reader *r, struct str_list *out, const struct tree *scalar,
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

static void add_addresses(struct reader *r, struct str_list *out, const struct tree *node,
                          int parts)
{
    if (node && node->kind == TREE_SCALAR)
        add_address(r, out, node, parts);
    for (size_t i = 0; node && node->kind == TREE_LIST && i < node->len; i++)
        add_address(r, out, node->at[i], parts);
}

/* Users and groups stand alone here; elsewhere they are written as principals. */
static void add_names(struct reader *r, struct str_list *out, const struct tree *node)
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

static void read_except(struct reader *r, const struct tree *node)
{
    struct policy_except *except = &r->policy->except;
    add_names(r, &except->users, tree_find(node, STR("users")));
    add_names(r, &except->groups, tree_find(node, STR("groups")));
    add_addresses(r, &except->products, tree_find(node, STR("products")), 2);
    const struct tree *owners = tree_find(node, STR("owners"));
    if (owners)
        (void)tree_is_bool(owners, &except->owners);
}

/* A domain's policy may speak of its own products only: others are not its to tighten or open. */
static void check_scope(struct reader *r, const struct tree *node, const struct str_list *names,
                        bool is_domain)
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

static void read_selector(struct reader *r, const struct tree *node)
{
    struct policy_selector *s = &r->policy->selector;
    add_texts(r, &s->classifications, tree_find(node, STR("classification")));
    add_texts(r, &s->tags, tree_find(node, STR("tags")));
    add_texts(r, &s->tags, tree_find(node, STR("tag")));
    add_texts(r, &s->domains, tree_find(node, STR("domain")));
    add_texts(r, &s->columns, tree_find(node, STR("column")));
    add_addresses(r, &s->products, tree_find(node, STR("product")), 2);
    add_addresses(r, &s->tables, tree_find(node, STR("table")), 3);
    check_scope(r, node, &s->domains, true);
    check_scope(r, node, &s->products, false);
    check_scope(r, node, &s->tables, false);
    if (node->len == 0) {
        struct finding *f = shape_error(r->mem, r->file, r->report, node, "this chooses nothing");
        f->hint = r->policy->effect == POLICY_MASK ? STR("name a classification, or a domain")
                                                   : STR("name a domain, product, table or tag");
    }
}

static void read_mask(struct reader *r, const struct tree *node)
{
    read_selector(r, tree_find(node, STR("columns")));
    read_except(r, tree_find(node, STR("except")));
    const struct tree *method = tree_get(tree_find(node, STR("with")), STR("method"));
    /* `method: null` is a null of YAML; people mean the word. */
    if (method->kind == TREE_NULL || tree_is_null(method) || str_eq(method->text, STR("null"))) {
        r->policy->method = MASK_NULL;
        return;
    }
    struct finding *f = shape_error(
        r->mem, r->file, r->report, method,
        "mask method " STR_FMT " is not enforced by this version of weft", STR_ARG(method->text));
    f->found = method->text;
    f->allowed = STR("null");
}

struct lexer {
    str text;
    size_t at;
};

static char peek(const struct lexer *l)
{
    return l->at < l->text.len ? l->text.ptr[l->at] : '\0';
}

static void skip_space(struct lexer *l)
{
    while (peek(l) == ' ' || peek(l) == '\t' || peek(l) == '\n' || peek(l) == '\r')
        l->at++;
}

/* Text between quotes that are doubled inside. */
static bool take_quoted(struct arena *mem, struct lexer *l, char quote, str *out)
{
    char *text = arena_alloc(mem, l->text.len + 1);
    size_t len = 0;
    for (l->at++; l->at < l->text.len; l->at++) {
        if (peek(l) == quote) {
            l->at++;
            if (peek(l) != quote) {
                *out = (str){text, len};
                return true;
            }
        }
        text[len++] = peek(l);
    }
    return false;
}

static bool is_word_part(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool take_column(struct arena *mem, struct lexer *l, str *out)
{
    skip_space(l);
    if (peek(l) == '"')
        return take_quoted(mem, l, '"', out) && out->len > 0;
    size_t start = l->at;
    while (is_word_part(peek(l)))
        l->at++;
    *out = arena_lower(mem, str_sub(l->text, start, l->at - start));
    return out->len > 0 && !(out->ptr[0] >= '0' && out->ptr[0] <= '9');
}

static bool take_literal(struct arena *mem, struct lexer *l, str *out, bool *is_text_out)
{
    skip_space(l);
    *is_text_out = peek(l) == '\'';
    if (*is_text_out)
        return take_quoted(mem, l, '\'', out);
    size_t start = l->at;
    while (is_word_part(peek(l)) || peek(l) == '.' || peek(l) == '-' || peek(l) == '+')
        l->at++;
    double number;
    *out = arena_lower(mem, str_sub(l->text, start, l->at - start));
    if (str_eq(*out, STR("true")) || str_eq(*out, STR("false")))
        return true;
    bool is_digit = out->len && ((out->ptr[out->len - 1] >= '0' && out->ptr[out->len - 1] <= '9'));
    return is_digit && str_to_f64(*out, &number);
}

static bool parse_where(struct reader *r, str text)
{
    struct lexer l = {.text = text};
    struct policy *policy = r->policy;
    if (!take_column(r->mem, &l, &policy->filter_column))
        return false;
    skip_space(&l);
    if (peek(&l) != '=')
        return false;
    l.at++;
    if (!take_literal(r->mem, &l, &policy->filter_literal, &policy->filter_literal_is_text))
        return false;
    skip_space(&l);
    return l.at == text.len;
}

static void read_filter(struct reader *r, const struct tree *node)
{
    read_selector(r, tree_find(node, STR("tables")));
    read_except(r, tree_find(node, STR("except")));
    const struct tree *where = tree_find(node, STR("where"));
    if (parse_where(r, where->text))
        return;
    struct finding *f = shape_error(r->mem, r->file, r->report, where,
                                    "this condition is not enforced by this version of weft");
    f->found = where->text;
    f->allowed = STR("column = literal, as country = 'CH'");
}

static void read_until(struct reader *r, const struct tree *node)
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

static void read_grant(struct reader *r, const struct tree *node)
{
    struct policy *policy = r->policy;
    policy->contract = tree_find_text(node, STR("contract"));
    policy->role = tree_find_text(node, STR("role"));
    add_addresses(r, &policy->selector.products, tree_find(node, STR("product")), 2);
    add_addresses(r, &policy->selector.products, tree_find(node, STR("products")), 2);
    check_scope(r, node, &policy->selector.products, false);
    const struct tree *to = tree_find(node, STR("to"));
    add_names(r, &policy->to_users, tree_find(to, STR("users")));
    add_names(r, &policy->to_groups, tree_find(to, STR("groups")));
    add_addresses(r, &policy->to_products, tree_find(to, STR("products")), 2);
    add_texts(r, &policy->purposes, tree_find(node, STR("purposes")));
    read_until(r, tree_find(node, STR("until")));
    if (policy->contract.len == 0 && policy->selector.products.len == 0) {
        struct finding *f =
            shape_error(r->mem, r->file, r->report, node, "this grant opens nothing");
        f->hint = STR("name a contract by its id, or products");
    }
    size_t takers = 0;
    for (size_t i = 0; i < to->len; i++)
        takers += to->at[i]->len;
    if (takers == 0) {
        struct finding *f =
            shape_error(r->mem, r->file, r->report, to, "this grant is given to nobody");
        f->allowed = STR("users, groups, products");
    }
    const struct tree *purposes = tree_find(node, STR("purposes"));
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

static void read_envelope(struct reader *r, const struct tree *document)
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

struct policy *policy_read(struct arena *mem, str file, str domain, const struct tree *document,
                           struct report *report)
{
    size_t before = report->errors;
    if (!shape_check(mem, file, &shape_policy, document, report))
        return NULL;
    struct reader r = {.mem = mem, .file = file, .domain = domain, .report = report};
    r.policy = ARENA_NEW(mem, struct policy);
    r.policy->file = file;
    r.policy->domain = domain;
    r.policy->place = tree_place(mem, file, document);
    const struct tree *grant = tree_find(document, STR("grant"));
    const struct tree *filter = tree_find(document, STR("filter"));
    const struct tree *mask = tree_find(document, STR("mask"));
    read_envelope(&r, document);
    if ((grant != NULL) + (filter != NULL) + (mask != NULL) != 1) {
        struct finding *f =
            shape_error(mem, file, report, document, "a policy has exactly one effect");
        f->allowed = STR("grant, filter, mask");
        return NULL;
    }
    r.policy->effect = grant ? POLICY_GRANT : filter ? POLICY_FILTER : POLICY_MASK;
    if (grant)
        read_grant(&r, grant);
    if (filter)
        read_filter(&r, filter);
    if (mask)
        read_mask(&r, mask);
    return report->errors == before ? r.policy : NULL;
}
