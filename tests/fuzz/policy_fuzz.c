#include "buf/buf.h"
#include "model/model.h"
#include "yaml/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct policy_label labels[] = {{.text = STR("pii")},
                                             {.is_tag = true, .text = STR("contact")}};

static struct policy_labels labelled(void)
{
    return (struct policy_labels){.at = (struct policy_label *)(uintptr_t)labels, .len = 2};
}

/* The text as a policy, or, where it begins with `=`, as the condition of a filter and the expression of a mask: whatever it says, a
 * decision comes of it, its class, and a SELECT. */
static void decide(struct task *t, const struct policy *policy)
{
    static const struct policy_field fields[] = {{.path = STR("street"), .type = STR("VARCHAR")}};
    struct policy_column columns[] = {
        {.id = 1, .name = STR("id"), .type = STR("BIGINT")},
        {.id = 2, .name = STR("email"), .type = STR("VARCHAR"), .labels = labelled()},
        {.id = 3, .name = STR("score"), .type = STR("DECIMAL(5,2)")},
        {.id = 4, .name = STR("born"), .type = STR("DATE"), .labels = labelled()},
        {.id = 5, .name = STR("phones"), .type = STR("VARCHAR[]"), .labels = labelled()},
        {.id = 6,
         .name = STR("address"),
         .type = STR("STRUCT(street VARCHAR, city VARCHAR)"),
         .fields = fields,
         .field_count = 1}};
    struct policy_table table = {.id = 1,
                                 .domain = STR("customer"),
                                 .product = STR("profiles"),
                                 .name = STR("customers"),
                                 .contract = STR("customer-profiles"),
                                 .columns = columns,
                                 .column_count = sizeof columns / sizeof columns[0]};
    struct policy open = {
        .id = STR("open"), .effect = POLICY_GRANT, .contract = STR("customer-profiles")};
    struct policy_actor actor = {.name = STR("noor")};
    struct policies policies = {.version = 1};
    struct policy_probes probes = {0};
    struct report report;
    struct decision decision;
    vec_push(t->mem, &open.to_users, STR("noor"));
    vec_push(t->mem, &policies, open);
    vec_push(t->mem, &policies, *policy);
    policy_add_entitlements(t->mem, policy, &policies);
    report_init(&report, t->mem);
    policy_check(&policies, &table, 1, 1, &report);
    policy_probes(t->mem, &policies, &table, 1, &probes);
    policy_decide(t->mem, &policies, &actor, &table, 1, &decision);
    policy_class(buf_new(t->mem, 1 << 24), 1, &decision, NULL, 0);
    if (decision.allowed)
        (void)policy_clearing_sql(t->mem, &decision);
    report_text(&report, buf_new(t->mem, 1 << 22));
}

static str whole(struct task *t, str text)
{
    struct buf *b = buf_new(t->mem, 1 << 22);
    if (text.len == 0 || text.ptr[0] != '=')
        return text;
    buf_add(b, STR("apiVersion: weft/v1\nkind: Policy\nid: f\nfilter: {tables: {domain: "
                   "[customer]}, where: "));
    buf_add_json(b, str_from(text, 1));
    buf_add(b, STR("}\n"));
    return buf_str(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct task *t = task_new();
    struct tree *tree;
    str text = whole(t, (str){(const char *)data, size});
    if (yaml_read(t, t->mem, text, STR("fuzz.policy.yaml"), YAML_MODE_YAML, &tree)) {
        struct report report;
        report_init(&report, t->mem);
        struct policy *policy =
            policy_read(t->mem, STR("fuzz.policy.yaml"), STR_NONE, tree, &report);
        if (policy)
            decide(t, policy);
        report_sort(&report);
        report_text(&report, buf_new(t->mem, 1 << 22));
    }
    task_free(t);
    return 0;
}
