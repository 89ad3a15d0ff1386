#include "buf/buf.h"
#include "shape/shape.h"
#include "shape/shape_names.h"

#include "test.h"
#include "yaml/yaml.h"

TEST(keywords_are_in_order_and_found)
{
    static const char *const words[] = {
#define KEYWORD(word, kind) word,
#include "shape/keywords.def"
#undef KEYWORD
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        EXPECT(i == 0 || str_compare(str_of(words[i - 1]), str_of(words[i])) < 0);
        EXPECT(shape_is_keyword(str_of(words[i])));
    }
}

TEST(reserved_words_of_both_engines)
{
    EXPECT(shape_is_reserved(STR("order")));
    EXPECT(shape_is_reserved(STR("USER")));
    EXPECT(shape_is_reserved(STR("qualify")));
    EXPECT(shape_is_reserved(STR("left")));
    EXPECT(!shape_is_reserved(STR("year")));
    EXPECT(shape_is_keyword(STR("year")));
    EXPECT(!shape_is_keyword(STR("orders")));
    EXPECT(!shape_is_keyword(STR("")));
    EXPECT(!shape_is_reserved(STR("a_word_that_is_longer_than_any_keyword_of_any_engine")));
}

TEST(secrets_are_references_and_nothing_else)
{
    EXPECT(shape_is_secret(STR("${DB_PASSWORD}")));
    EXPECT(shape_is_secret(STR("${_A1}")));
    EXPECT(!shape_is_secret(STR("${1A}")));
    EXPECT(!shape_is_secret(STR("${}")));
    EXPECT(!shape_is_secret(STR("${lower}")));
    EXPECT(!shape_is_secret(STR("x${A}")));
    EXPECT(!shape_is_secret(STR("${A}${B}")));
}

TEST(principals_are_users_and_groups)
{
    EXPECT(shape_is_principal(STR("user:ana")));
    EXPECT(shape_is_principal(STR("group:data-governance")));
    EXPECT(!shape_is_principal(STR("ana")));
    EXPECT(!shape_is_principal(STR("user:")));
    EXPECT(!shape_is_principal(STR("role:x")));
    EXPECT(!shape_is_principal(STR("user:a:b")));
    EXPECT(!shape_is_principal(STR("user:a b")));
}

TEST(a_document_that_nests_without_end_is_judged_all_the_same)
{
    struct task *t = test_task();
    struct buf *b = buf_new(t->mem, 1 << 20);
    struct report report;
    struct tree *tree;
    buf_add(
        b, STR("{apiVersion: v3.1.0, kind: DataContract, id: a, version: 1.0.0, status: s, schema: "
               "[{name: t, properties: [{name: a"));
    for (int i = 0; i < 20; i++)
        buf_add(b, STR(", properties: [{name: a"));
    for (int i = 0; i < 20; i++)
        buf_add(b, STR("}]"));
    buf_add(b, STR("}]}]}"));
    REQUIRE_OK(t, yaml_read(t, t->mem, buf_str(b), STR("deep"), YAML_MODE_YAML, &tree));
    report_init(&report, t->mem);
    EXPECT(shape_check(t->mem, STR("deep"), &shape_odcs, tree, &report));
    EXPECT_INT(report.errors, 0);
}
