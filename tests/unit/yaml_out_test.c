#include "yaml_out/yaml_out.h"

#include "test.h"
#include "yaml/yaml.h"

static struct tree *read_tree(struct task *t, str text, enum yaml_mode mode)
{
    struct tree *tree = NULL;
    EXPECT_OK(t, yaml_read(t, t->mem, text, STR("a"), mode, &tree));
    return tree;
}

static str written(struct task *t, const struct tree *tree, const struct yaml_out_notes *notes)
{
    struct buf *b = buf_new(t->mem, 1 << 20);
    yaml_out(b, tree, notes);
    EXPECT(!b->full);
    return buf_str(b);
}

/* From JSON to YAML, and read again. */
static str yaml_of(struct task *t, const char *json)
{
    struct tree *tree = read_tree(t, str_of(json), YAML_MODE_JSON);
    str text = written(t, tree, NULL);
    EXPECT(tree_equal(tree, read_tree(t, text, YAML_MODE_YAML)));
    return text;
}

TEST(yaml_text_that_could_be_something_else_is_quoted)
{
    struct task *t = test_task();
    static const char *const cases[][2] = {
        {"\"orders\"", "orders\n"},
        {"\"two words, and more\"", "two words, and more\n"},
        {"\"5\"", "\"5\"\n"},
        {"5", "5\n"},
        {"\"1.0.0\"", "1.0.0\n"},
        {"\"1.0\"", "\"1.0\"\n"},
        {"\"2026-01-31\"", "\"2026-01-31\"\n"},
        {"\"12:30:45\"", "\"12:30:45\"\n"},
        {"\"0x1F\"", "\"0x1F\"\n"},
        {"\"yes\"", "\"yes\"\n"},
        {"\"No\"", "\"No\"\n"},
        {"\"null\"", "\"null\"\n"},
        {"null", "null\n"},
        {"true", "true\n"},
        {"\"true\"", "\"true\"\n"},
        {"\"\"", "\"\"\n"},
        {"\" a\"", "\" a\"\n"},
        {"\"a \"", "\"a \"\n"},
        {"\"a: b\"", "\"a: b\"\n"},
        {"\"a:\"", "\"a:\"\n"},
        {"\"a #b\"", "\"a #b\"\n"},
        {"\"a#b\"", "a#b\n"},
        {"\"#a\"", "\"#a\"\n"},
        {"\"${NAME}\"", "${NAME}\n"},
        {"\"- a\"", "\"- a\"\n"},
        {"\"*.csv\"", "\"*.csv\"\n"},
        {"\"%h %l\"", "\"%h %l\"\n"},
        {"\"@a\"", "\"@a\"\n"},
        {"\"it's\"", "it's\n"},
        {"\"'a'\"", "\"'a'\"\n"},
        {"\"say \\\"a\\\"\"", "say \"a\"\n"},
        {"\"\\\"a\\\\\"", "\"\\\"a\\\\\"\n"},
        {"\"tab\\there\"", "\"tab\\there\"\n"},
        {"\"\\u00e9t\\u00e9\"", "\xc3\xa9t\xc3\xa9\n"},
        {"\"\\u0085\"", "\"\\u0085\"\n"},
        {"\"a\\u2028b\"", "\"a\\u2028b\"\n"},
        {"\"\\ufeffa\"", "\"\\ufeffa\"\n"},
        {"\"\\u0001\"", "\"\\x01\"\n"},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80\n"},
        {"\"---\"", "\"---\"\n"},
        {"{}", "{}\n"},
        {"[]", "[]\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        EXPECT_STR(yaml_of(t, cases[i][0]), cases[i][1]);
}

TEST(yaml_short_maps_stand_on_a_line_and_long_ones_do_not)
{
    struct task *t = test_task();
    EXPECT_STR(
        yaml_of(t, "{\"a\":1,\"list\":[1,\"x, y\"],\"c\":{\"d\":null},\"rows\":[{\"name\":\"id\"},"
                   "{\"name\":\"a description that is long enough to be written on a line of "
                   "its own\",\"m\":\"and here is the rest\"}],\"deep\":{\"e\":[[{\"f\":[{"
                   "\"g\":1}]}]]}}"),
        "a: 1\n"
        "list: [1, \"x, y\"]\n"
        "c: {d: null}\n"
        "rows:\n"
        "  - {name: id}\n"
        "  - name: a description that is long enough to be written on a line of its own\n"
        "    m: and here is the rest\n"
        "deep:\n"
        "  e:\n"
        "    - - f:\n"
        "          - {g: 1}\n");
}

TEST(yaml_lines_of_text_stand_as_a_block)
{
    struct task *t = test_task();
    EXPECT_STR(yaml_of(t, "{\"q\":\"SELECT 1\\n\\n  FROM t\",\"r\":[\"a: 1\\n# b\\n\"]}"),
               "q: |-\n"
               "  SELECT 1\n"
               "\n"
               "    FROM t\n"
               "r:\n"
               "  - |\n"
               "    a: 1\n"
               "    # b\n");
    EXPECT_STR(yaml_of(t, "\"a\\n\\n\""), "\"a\\n\\n\"\n");
    EXPECT_STR(yaml_of(t, "\" a\\nb\""), "\" a\\nb\"\n");
    EXPECT_STR(yaml_of(t, "\"a \\nb\""), "\"a \\nb\"\n");
    EXPECT_STR(yaml_of(t, "\"a\\r\\nb\""), "\"a\\r\\nb\"\n");
}

TEST(yaml_long_keys_have_a_mark_of_their_own)
{
    struct task *t = test_task();
    struct tree *tree = tree_new(t->mem, TREE_MAP);
    char *key = arena_alloc(t->mem, 2000);
    for (size_t i = 0; i < 2000; i++)
        key[i] = 'k';
    (void)tree_put(t->mem, tree, (str){key, 2000}, tree_text(t->mem, STR("v")));
    (void)tree_put(t->mem, tree, STR("b: "), tree_text(t->mem, STR("w")));
    EXPECT(tree_equal(tree, read_tree(t, written(t, tree, NULL), YAML_MODE_YAML)));
}

TEST(yaml_notes_stand_above_what_they_speak_of)
{
    struct task *t = test_task();
    struct yaml_out_notes notes;
    struct tree *tree = read_tree(
        t, STR("{\"kind\":\"X\",\"rows\":[{\"name\":\"id\",\"t\":[1,2]},{\"name\":\"b\"}]}"),
        YAML_MODE_JSON);
    yaml_out_notes_init(&notes, t->mem);
    yaml_out_note(t->mem, &notes, tree, STR("made from a file"));
    const struct tree *rows = tree_get(tree, STR("rows"));
    yaml_out_note(t->mem, &notes, rows->at[0]->at[0], STR("the first"));
    yaml_out_note(t->mem, &notes, rows->at[0]->at[1], STR("two\nlines"));
    yaml_out_note(t->mem, &notes, rows->at[1], STR("with \x01 and \xff"));
    EXPECT_STR(written(t, tree, &notes), "# made from a file\n"
                                         "kind: X\n"
                                         "rows:\n"
                                         "  # the first\n"
                                         "  - name: id\n"
                                         "    # two\n"
                                         "    # lines\n"
                                         "    t: [1, 2]\n"
                                         "  # with ? and ?\n"
                                         "  - {name: b}\n");
    EXPECT(tree_equal(tree, read_tree(t, written(t, tree, &notes), YAML_MODE_YAML)));
}

TEST(yaml_cannot_hold_what_is_no_text)
{
    struct task *t = test_task();
    struct buf *b = buf_new(t->mem, 100);
    yaml_out(b, tree_text(t->mem, (str){"a\0b", 3}), NULL);
    EXPECT(b->full);
    b = buf_new(t->mem, 100);
    yaml_out(b, tree_text(t->mem, STR("\xff")), NULL);
    EXPECT(b->full);
}
