#include "policy/policy_case.h"

#include "clock/clock.h"
#include "policy/policy_inside.h"

struct case_reader {
    struct arena *mem;
    str file;
    struct report *report;
    struct policy_case *out;
};

static struct finding *complain(struct case_reader *r, const struct tree *node, const char *what)
{
    return shape_error(r->mem, r->file, r->report, node, "%s", what);
}

static void read_texts(struct case_reader *r, struct str_list *out, const struct tree *list)
{
    for (size_t i = 0; list && i < list->len; i++)
        vec_push(r->mem, out, list->at[i]->text);
}

static void read_actor(struct case_reader *r, const struct tree *node)
{
    struct policy_case *c = r->out;
    c->actor_place = tree_place(r->mem, r->file, node);
    if (node->kind == TREE_SCALAR) {
        c->user = node->text;
        if (shape_is_principal(c->user) && str_starts(c->user, STR("user:")))
            c->user = str_from(c->user, sizeof("user:") - 1);
        return;
    }
    c->user = tree_find_text(node, STR("user"));
    c->product = tree_find_text(node, STR("product"));
    c->attributes = tree_find(node, STR("attributes"));
    read_texts(r, &c->groups, tree_find(node, STR("groups")));
    c->is_made_up = true;
    if (c->product.len && (c->user.len || c->groups.len || c->attributes))
        complain(r, node, "a product has neither user, groups nor attributes")->hint =
            STR("write actor: {product: DOMAIN.PRODUCT}");
}

static void read_time(struct case_reader *r, const struct tree *node)
{
    if (!node || clock_parse(node->text, &r->out->at_us))
        return;
    struct finding *f = complain(r, node, "this is no time");
    f->found = node->text;
    f->allowed = STR("a date as 2027-01-31, or a time as 2027-01-31T12:00:00Z");
}

static bool is_table(str address)
{
    str domain, product, table, rest;
    return str_cut(address, '.', &domain, &rest) && str_cut(rest, '.', &product, &table)
        && str_is_name(domain) && str_is_name(product) && str_is_name(table);
}

static void read_table(struct case_reader *r, const struct tree *node)
{
    struct policy_case *c = r->out;
    str domain, rest;
    c->table = node->text;
    c->table_place = tree_place(r->mem, r->file, node);
    (void)str_cut(c->table, '.', &domain, &rest);
    if (!is_table(c->table)) {
        struct finding *f = complain(r, node, "this is no address of a table");
        f->found = c->table;
        f->allowed = STR("domain.product.table");
    } else if (c->domain.len && !str_eq(domain, c->domain)) {
        struct finding *f = complain(r, node, "a domain tests policies on its own tables");
        f->found = c->table;
        f->hint = STR("tests of other tables stand in policies/tests/");
    }
}

static void read_given(struct case_reader *r, const struct tree *node)
{
    struct policy_case *c = r->out;
    const struct tree *release = tree_find(node, STR("release"));
    int64_t number = 0;
    c->rows = tree_find(node, STR("rows"));
    c->has_release = release != NULL;
    if (!release)
        return;
    c->release_place = tree_place(r->mem, r->file, release);
    if (c->rows)
        complain(r, release, "the case gives rows, and a release too")->hint =
            STR("it is over either of them");
    else if (tree_is_int(release, &number) && number > 0)
        c->release = (uint64_t)number;
    else if (!str_eq(release->text, STR("latest")))
        complain(r, release, "this is no release")->allowed = STR("latest, or its number");
}

static void read_outcome(struct case_reader *r, const struct tree *node)
{
    struct policy_case *c = r->out;
    const struct tree *denied = tree_find(node, STR("denied"));
    const struct tree *count = tree_find(node, STR("count"));
    int64_t rows = 0;
    c->expect = tree_find(node, STR("expect"));
    c->entitlements = tree_find(node, STR("entitlements"));
    c->reason = tree_find_text(node, STR("reason"));
    read_texts(r, &c->hidden, tree_find(node, STR("hidden")));
    if (denied)
        (void)tree_is_bool(denied, &c->is_denied);
    c->has_count = count != NULL;
    if (count
        && (!tree_is_int(count, &rows) || rows < 0
            || (c->expect && (uint64_t)rows < c->expect->len)))
        complain(r, count, "so many rows cannot be expected")->allowed =
            STR("a number, not less than the rows that expect lists");
    c->count = (uint64_t)rows;
    if (c->is_denied == (c->expect || c->has_count))
        complain(r, node, "a case expects rows or a denial")->allowed =
            STR("expect: a list of rows, count: their number, or denied: true");
    else if (c->reason.len && !c->is_denied)
        complain(r, tree_find(node, STR("reason")), "only a denial has a reason")->hint =
            STR("write denied: true");
    else if (!c->is_denied && !c->rows && !c->has_release)
        complain(r, node, "the case gives no rows")->allowed =
            STR("rows: a list of rows, or release: latest");
}

void policy_cases_read(struct arena *mem, str file, str domain, const struct tree *document,
                       struct report *report, struct policy_cases *out)
{
    if (!shape_check(mem, file, &shape_policy_test, document, report))
        return;
    const struct tree *cases = tree_find(document, STR("cases"));
    for (size_t i = 0; i < cases->len; i++) {
        const struct tree *node = cases->at[i];
        struct policy_case *c = vec_add(mem, out);
        struct case_reader r = {.mem = mem, .file = file, .report = report, .out = c};
        *c = (struct policy_case){.name = tree_find_text(node, STR("name")),
                                  .file = file,
                                  .place = tree_place(mem, file, node),
                                  .domain = domain,
                                  .purpose = tree_find_text(node, STR("purpose"))};
        read_table(&r, tree_find(node, STR("table")));
        read_actor(&r, tree_find(node, STR("actor")));
        read_time(&r, tree_find(node, STR("at")));
        read_given(&r, node);
        read_outcome(&r, node);
    }
}
