/* Policies as people write them: what is wrong with them, what they decide, and the SELECT that clears a file. */
#include "buf/buf.h"
#include "cases.h"
#include "clock/clock.h"
#include "model/model.h"
#include "test.h"
#include "yaml/yaml.h"

static void read_texts(struct arena *mem, struct str_list *out, const struct tree *list)
{
    for (size_t i = 0; list && i < list->len; i++)
        vec_push(mem, out, list->at[i]->text);
}

static bool read_policies(struct task *t, const struct golden_case *c, const char *section,
                          str domain, struct policies *out, struct report *report)
{
    struct yaml_documents documents = {0};
    str file = arena_format(t->mem, "%s.policy.yaml", section);
    if (!yaml_read_all(t, t->mem, golden_section(c, section), file, &documents))
        return false;
    for (size_t i = 0; i < documents.len; i++) {
        struct policy *policy = policy_read(t->mem, file, domain, documents.at[i], report);
        if (!policy)
            continue;
        vec_push(t->mem, out, *policy);
        policy_add_entitlements(t->mem, policy, out);
    }
    return true;
}

static void read_fields(struct arena *mem, struct contract_column *out, const struct tree *fields)
{
    for (size_t i = 0; fields && i < fields->len; i++) {
        struct contract_field *field = vec_add(mem, &out->fields);
        field->path = tree_find_text(fields->at[i], STR("path"));
        field->type = tree_find_text(fields->at[i], STR("type"));
        field->classification = tree_find_text(fields->at[i], STR("classification"));
        read_texts(mem, &field->tags, tree_find(fields->at[i], STR("tags")));
    }
}

/* Rows `user: [values]` of each entitlement that the policies name. */
static bool read_entitled(struct task *t, const struct golden_case *c, struct policies *policies)
{
    struct tree *tree;
    struct {
        VEC_OF(struct policy_entitled)
    } rows = {0};
    if (!golden_section(c, "entitled").len)
        return true;
    if (!yaml_read(t, t->mem, golden_section(c, "entitled"), STR("entitled"), YAML_MODE_YAML,
                   &tree))
        return false;
    for (size_t i = 0; i < tree->len; i++)
        for (size_t k = 0; k < tree->at[i]->len; k++)
            vec_push(t->mem, &rows,
                     ((struct policy_entitled){tree->at[i]->key, tree->at[i]->at[k]->text}));
    for (size_t i = 0; i < policies->entitlements.len; i++) {
        policies->entitlements.at[i].version = 1;
        policies->entitlements.at[i].at = rows.at;
        policies->entitlements.at[i].len = rows.len;
    }
    return true;
}

static bool read_table(struct task *t, const struct golden_case *c, struct policy_table *out)
{
    struct tree *tree;
    if (!yaml_read(t, t->mem, golden_section(c, "table"), STR("table"), YAML_MODE_YAML, &tree))
        return false;
    str rest;
    str_cut(tree_find_text(tree, STR("address")), '.', &out->domain, &rest);
    str_cut(rest, '.', &out->product, &out->name);
    out->id = 7;
    out->contract = tree_find_text(tree, STR("contract"));
    read_texts(t->mem, &out->tags, tree_find(tree, STR("tags")));
    read_texts(t->mem, &out->owners, tree_find(tree, STR("owners")));
    const struct tree *columns = tree_find(tree, STR("columns"));
    struct policy_column *at =
        ARENA_ARRAY(t->mem, struct policy_column, columns ? columns->len : 0);
    for (size_t i = 0; columns && i < columns->len; i++) {
        struct contract_column column = {.name = tree_find_text(columns->at[i], STR("name")),
                                         .classification =
                                             tree_find_text(columns->at[i], STR("classification"))};
        read_texts(t->mem, &column.tags, tree_find(columns->at[i], STR("tags")));
        read_fields(t->mem, &column, tree_find(columns->at[i], STR("fields")));
        model_policy_column(t->mem, &column, (uint32_t)i + 1,
                            tree_find_text(columns->at[i], STR("type")), &at[i]);
    }
    out->columns = at;
    out->column_count = columns ? columns->len : 0;
    return true;
}

static bool read_actor(struct task *t, const struct golden_case *c, struct policy_actor *out)
{
    struct tree *tree;
    if (!yaml_read(t, t->mem, golden_section(c, "actor"), STR("actor"), YAML_MODE_YAML, &tree))
        return false;
    out->name = tree_find_text(tree, STR("user"));
    if (tree_find(tree, STR("product"))) {
        out->name = tree_find_text(tree, STR("product"));
        out->is_product = true;
    }
    out->purpose = tree_find_text(tree, STR("purpose"));
    read_texts(t->mem, &out->groups, tree_find(tree, STR("groups")));
    out->attributes = tree_find(tree, STR("attributes"));
    return true;
}

static void say_decision(struct task *t, const struct decision *decision, struct buf *out)
{
    buf_format(out, "%s\n", decision->allowed ? "allowed" : "denied");
    for (size_t i = 0; i < decision->reasons.len; i++)
        buf_format(out, STR_FMT ": " STR_FMT ": " STR_FMT "\n",
                   STR_ARG(decision->reasons.at[i].policy), STR_ARG(decision->reasons.at[i].effect),
                   STR_ARG(decision->reasons.at[i].text));
    if (!decision->allowed)
        return;
    uint32_t ids[64];
    for (size_t i = 0; i < decision->columns.len && i < 64; i++)
        ids[i] = decision->columns.at[i].id;
    buf_format(out, "%s\n",
               policy_shows_all_columns(decision, ids, decision->columns.len)
                   ? "all columns are shown"
                   : "columns are masked");
    str sql = policy_clearing_sql(t->mem, decision);
    buf_format(out, STR_FMT "\n", STR_ARG(sql));
}

static str decide_one(struct task *t, const struct golden_case *c)
{
    struct buf *out = buf_new(t->mem, 1 << 20);
    struct report report;
    struct policies policies = {.version = 1};
    static const struct policy_column by_user[] = {
        {.id = 1, .name = STR("user"), .type = STR("VARCHAR")},
        {.id = 2, .name = STR("country"), .type = STR("VARCHAR")}};
    struct policy_table tables[2] = {{0},
                                     {.domain = STR("sales"),
                                      .product = STR("entitlements"),
                                      .name = STR("by_user"),
                                      .columns = by_user,
                                      .column_count = 2}};
    struct policy_table *table = &tables[0];
    struct policy_actor actor = {0};
    int64_t now_us = 0;
    report_init(&report, t->mem);
    str now = golden_section(c, "now");
    CHECK(clock_parse(now.len ? now : STR("2026-06-15"), &now_us));
    if (!read_policies(t, c, "policies", STR_NONE, &policies, &report)
        || !read_policies(t, c, "local", golden_section(c, "domain"), &policies, &report)
        || !read_table(t, c, table) || !read_actor(t, c, &actor)
        || !read_entitled(t, c, &policies)) {
        buf_format(out, "unreadable: " STR_FMT, STR_ARG(t->err.message));
        return buf_str(out);
    }
    if (table->column_count)
        policy_check(&policies, tables, 2, now_us, &report);
    report_sort(&report);
    report_text(&report, out);
    if (table->column_count && report.errors == 0) {
        struct decision decision;
        policy_decide(t->mem, &policies, &actor, table, now_us, &decision);
        say_decision(t, &decision, out);
    }
    return buf_str(out);
}

TEST(policies_decide_as_written)
{
    EXPECT(golden_run("policy", decide_one) >= 40);
}
