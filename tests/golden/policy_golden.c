/* Policies as people write them: what is wrong with them, what they decide, and the SELECT that clears a file. */
#include "buf/buf.h"
#include "cases.h"
#include "clock/clock.h"
#include "policy/policy.h"
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
        if (policy)
            vec_push(t->mem, out, *policy);
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
        at[i] = (struct policy_column){.id = (uint32_t)i + 1,
                                       .name = tree_find_text(columns->at[i], STR("name")),
                                       .type = tree_find_text(columns->at[i], STR("type")),
                                       .classification =
                                           tree_find_text(columns->at[i], STR("classification"))};
        read_texts(t->mem, &at[i].tags, tree_find(columns->at[i], STR("tags")));
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
    struct policy_table table = {0};
    struct policy_actor actor = {0};
    int64_t now_us = 0;
    report_init(&report, t->mem);
    str now = golden_section(c, "now");
    CHECK(clock_parse(now.len ? now : STR("2026-06-15"), &now_us));
    if (!read_policies(t, c, "policies", STR_NONE, &policies, &report)
        || !read_policies(t, c, "local", golden_section(c, "domain"), &policies, &report)
        || !read_table(t, c, &table) || !read_actor(t, c, &actor)) {
        buf_format(out, "unreadable: " STR_FMT, STR_ARG(t->err.message));
        return buf_str(out);
    }
    if (table.column_count)
        policy_check(&policies, &table, 1, &report);
    report_sort(&report);
    report_text(&report, out);
    if (table.column_count && report.errors == 0) {
        struct decision decision;
        policy_decide(t->mem, &policies, &actor, &table, now_us, &decision);
        say_decision(t, &decision, out);
    }
    return buf_str(out);
}

TEST(policies_decide_as_written)
{
    EXPECT(golden_run("policy", decide_one) >= 40);
}
