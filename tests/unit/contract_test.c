#include "contract/contract.h"

#include "buf/buf.h"
#include "model/model.h"
#include "test.h"
#include "yaml/yaml.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static const char contract_text[] =
    "apiVersion: v3.1.0\n"
    "kind: DataContract\n"
    "id: orders\n"
    "version: 1.0.0\n"
    "status: active\n"
    "servers:\n"
    "- {server: a, type: local, path: 'data/{table}.csv', format: csv,\n"
    "   customProperties: [{property: delimiter, value: ';'}]}\n"
    "schema:\n"
    "- name: orders\n"
    "  properties:\n"
    "  - name: Email\n"
    "    logicalType: string\n"
    "    quality:\n"
    "    - metric: missingValues\n"
    "      arguments: {missingValues: ['', null]}\n"
    "      mustBeBetween: [1, 5]\n"
    "      unit: percent\n"
    "      severity: Warning\n";

static const struct contract *read(struct task *t, str text, struct report *report)
{
    struct tree *tree = NULL;
    report_init(report, t->mem);
    EXPECT_OK(t, yaml_read(t, t->mem, text, STR("c.yaml"), YAML_MODE_YAML, &tree));
    return tree ? contract_read(t->mem, STR("c.yaml"), tree, report) : NULL;
}

TEST(a_contract_is_read_into_its_parts)
{
    struct task *t = test_task();
    struct report report;
    const struct contract *contract = read(t, str_of(contract_text), &report);
    REQUIRE(contract);
    EXPECT_INT(report.errors, 0);
    EXPECT_STR(contract->name, "orders");
    REQUIRE(contract->servers.len == 1);
    EXPECT_STR(contract->servers.at[0].location, "data/{table}.csv");
    EXPECT_STR(contract->servers.at[0].delimiter, ";");
    const struct contract_table *table = contract_find_table(contract, STR("ORDERS"));
    REQUIRE(table);
    EXPECT(contract_find_column(table, STR("email")));
    EXPECT(!contract_find_column(table, STR("mail")));
    REQUIRE(table->rules.len == 1);
    const struct contract_rule *rule = &table->rules.at[0];
    EXPECT_INT(rule->kind, RULE_MISSING_VALUES);
    EXPECT_INT(rule->operator, RULE_BETWEEN);
    EXPECT_STR(rule->low, "1");
    EXPECT_STR(rule->high, "5");
    EXPECT(rule->is_percent && !rule->operand_is_text && rule->has_values);
    EXPECT_INT(rule->effect, RULE_WARNS);
    EXPECT_STR(rule->severity, "Warning");
    REQUIRE(rule->values.len == 2);
    EXPECT(!tree_is_null(rule->values.at[0]));
    EXPECT(tree_is_null(rule->values.at[1]));
    EXPECT_INT(rule->place.line, 15);
}

TEST(a_password_is_never_repeated)
{
    struct task *t = test_task();
    struct report report;
    (void)read(t,
               STR("apiVersion: v3.1.0\nkind: DataContract\nid: a\nversion: 1.0.0\nstatus: s\n"
                   "servers:\n- {server: a, type: local, path: x, format: csv,\n"
                   "   customProperties: [{property: password, value: hunter2}]}\n"),
               &report);
    struct buf *out = buf_new(t->mem, 1 << 16);
    report_text(&report, out);
    EXPECT_INT(report.errors, 1);
    EXPECT_INT(str_find(buf_str(out), STR("hunter2")), out->len);
}

TEST(a_custom_property_is_found_by_its_name)
{
    struct task *t = test_task();
    struct tree *tree;
    REQUIRE_OK(t,
               yaml_read(t, t->mem, STR("[{property: a, value: 1}, {property: b, value: {c: 2}}]"),
                         STR("x"), YAML_MODE_YAML, &tree));
    EXPECT_STR(contract_custom(tree, STR("a"))->text, "1");
    EXPECT_STR(tree_find_text(contract_custom(tree, STR("b")), STR("c")), "2");
    EXPECT(!contract_custom(tree, STR("c")));
    EXPECT(!contract_custom(NULL, STR("a")));
}

/* Every canonical spelling must be one that stays as it is. */
TEST(canonical_types_are_stable)
{
    struct task *t = test_task();
    static const char *const engines[] = {
#define TYPE(spelling, engine, arguments, whose) engine,
#include "contract/types.def"
#undef TYPE
#define LOGICAL(type, option, value, engine) engine,
#include "contract/logical_types.def"
#undef LOGICAL
    };
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
        str once = contract_type_canonical(t->mem, str_of(engines[i]));
        EXPECT(once.len > 0);
        EXPECT_STR(contract_type_canonical(t->mem, once), once);
        EXPECT(str_eq(str_of(engines[i]), STR("DECIMAL")) || str_eq(once, str_of(engines[i])));
        EXPECT(contract_type_widens(once, once));
    }
}

static str read_file(struct arena *mem, str path)
{
    struct buf *b = buf_new(mem, 4 << 20);
    FILE *file = fopen(arena_c_string(mem, path), "rb");
    char block[4096];
    for (size_t n; file && (n = fread(block, 1, sizeof block, file)) > 0;)
        buf_add(b, (str){block, n});
    if (file)
        fclose(file);
    return buf_str(b);
}

static bool is_example(struct task *t, str path, struct tree **out)
{
    if (!str_ends(path, STR(".yaml")) && !str_ends(path, STR(".yml")))
        return false;
    return yaml_read(t, t->mem, read_file(t->mem, path), path, YAML_MODE_YAML, out)
        && str_eq(tree_find_text(*out, STR("apiVersion")), STR("v3.1.0"));
}

/* Gives how many documents of v3.1.0 lie below a folder. */
static size_t check_examples(struct task *t, str folder)
{
    size_t count = 0;
    DIR *dir = opendir(arena_c_string(t->mem, folder));
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        struct tree *tree;
        struct report report;
        str path = arena_format(t->mem, STR_FMT "/%s", STR_ARG(folder), entry->d_name);
        if (entry->d_name[0] == '.')
            continue;
        if (entry->d_type == DT_DIR)
            count += check_examples(t, path);
        else if (is_example(t, path, &tree)) {
            report_init(&report, t->mem);
            model_check_document(t->mem, path, tree, &report);
            struct buf *out = buf_new(t->mem, 1 << 20);
            report_text(&report, out);
            EXPECT_STR(report.errors ? buf_str(out) : STR(""), "");
            count++;
        }
    }
    if (dir)
        closedir(dir);
    return count;
}

/* WEFT_SPECS names a folder that holds the standard's own examples; without it there is nothing to compare with. */
TEST(examples_of_the_standard_are_valid)
{
    struct task *t = test_task();
    const char *specs = getenv("WEFT_SPECS");
    if (specs)
        EXPECT(check_examples(t, arena_format(t->mem, "%s/odcs/examples", specs)) > 0);
}
