#include "yaml/yaml.h"
#include "yaml_out/yaml_out.h"

#include <string.h>

#include "buf/buf.h"
#include "limits/limits.h"
#include "test.h"

static const struct tree *read_yaml(struct task *t, const char *text)
{
    struct tree *tree = NULL;
    EXPECT_OK(t, yaml_read(t, t->mem, str_of(text), STR("a.yaml"), YAML_MODE_YAML, &tree));
    return tree;
}

static str as_json(struct task *t, const struct tree *tree)
{
    struct buf *b = buf_new(t->mem, 1 << 22);
    tree_json(tree, b);
    return buf_str(b);
}

/* `ERROR line:column message: detail`, or the tree as JSON. */
static str outcome(struct task *t, str text, enum yaml_mode mode)
{
    struct tree *tree = NULL;
    if (yaml_read(t, t->mem, text, STR("a.yaml"), mode, &tree))
        return as_json(t, tree);
    const struct error *e = &t->err;
    EXPECT_STR(e->place.file, "a.yaml");
    return arena_format(t->mem, "%s %u:%u " STR_FMT, error_name(e->code), (unsigned)e->place.line,
                        (unsigned)e->place.column, STR_ARG(e->message));
}

static str yaml_outcome(struct task *t, const char *text)
{
    return outcome(t, str_of(text), YAML_MODE_YAML);
}

static str json_outcome(struct task *t, const char *text)
{
    return outcome(t, str_of(text), YAML_MODE_JSON);
}

TEST(yaml_reads_maps_lists_and_scalars)
{
    struct task *t = test_task();
    EXPECT_STR(yaml_outcome(
                   t, "a: 1\nb: [x, 'y', \"z\"]\nc:\n  - d: ~\n    e: |\n      two\n      lines\n"),
               "{\"a\":1,\"b\":[\"x\",\"y\",\"z\"],\"c\":[{\"d\":null,\"e\":\"two\\nlines\\n\"}]}");
}

TEST(yaml_keeps_positions_of_keys_and_values)
{
    struct task *t = test_task();
    const struct tree *root =
        read_yaml(t, "# note\na: 1\nlist:\n  - \xc3\xa4: zwei\n  - {k:   v}\n");
    REQUIRE(root != NULL);
    EXPECT_INT(root->line, 2);
    EXPECT_INT(root->column, 1);
    const struct tree *list = tree_get(root, STR("list"));
    REQUIRE(list != NULL && list->len == 2);
    EXPECT_INT(list->key_line, 3);
    EXPECT_INT(list->key_column, 1);
    EXPECT_INT(list->line, 4);
    EXPECT_INT(list->column, 3);
    const struct tree *two = tree_get(list->at[0], STR("\xc3\xa4"));
    REQUIRE(two != NULL);
    EXPECT_INT(two->line, 4);
    EXPECT_INT(two->column, 8);
    EXPECT_INT(two->key_column, 5);
    const struct tree *v = tree_get(list->at[1], STR("k"));
    REQUIRE(v != NULL);
    EXPECT_INT(v->line, 5);
    EXPECT_INT(v->column, 11);
    EXPECT_STR(tree_path(t->mem, v), "list[1].k");
    root = read_yaml(t, "a: 'quoted'\n\"b\":\n");
    REQUIRE(root != NULL && root->len == 2);
    EXPECT_INT(root->at[0]->column, 4);
    EXPECT_INT(root->at[1]->key_column, 1);
    EXPECT_INT(root->at[1]->line, 2); /* of a value that is not there: its key's */
    EXPECT_INT(root->at[1]->column, 1);
}

TEST(yaml_says_which_scalars_were_quoted)
{
    struct task *t = test_task();
    const struct tree *root = read_yaml(t, "a: 1\nb: '1'\nc: \"1\"\nd: |\n  1\ne: >-\n  1\n");
    REQUIRE(root != NULL);
    EXPECT(!tree_get(root, STR("a"))->quoted);
    EXPECT(tree_get(root, STR("b"))->quoted);
    EXPECT(tree_get(root, STR("c"))->quoted);
    EXPECT(tree_get(root, STR("d"))->quoted);
    EXPECT(tree_get(root, STR("e"))->quoted);
}

TEST(yaml_null_has_its_spellings_when_plain)
{
    struct task *t = test_task();
    EXPECT_STR(yaml_outcome(t, "[~, null, Null, NULL, '', 'null', nULL]"),
               "[null,null,null,null,\"\",\"null\",\"nULL\"]");
    EXPECT_STR(yaml_outcome(t, "a:\nb: \n"), "{\"a\":null,\"b\":null}");
    EXPECT_STR(yaml_outcome(t, ""), "null");
    EXPECT_STR(yaml_outcome(t, "# only a comment\n"), "null");
}

TEST(yaml_keeps_numbers_as_they_are_spelled)
{
    struct task *t = test_task();
    const struct tree *root =
        read_yaml(t, "a: 123456789012345678901234567890\nb: 1.50\nc: 0x1F\nd: 1_000\n");
    EXPECT_STR(tree_get(root, STR("a"))->text, "123456789012345678901234567890");
    EXPECT_STR(tree_get(root, STR("b"))->text, "1.50");
    EXPECT_STR(tree_get(root, STR("c"))->text, "0x1F");
    EXPECT_STR(tree_get(root, STR("d"))->text, "1_000");
}

TEST(yaml_refuses_duplicate_keys_with_their_place)
{
    struct task *t = test_task();
    EXPECT_STR(yaml_outcome(t, "a: 1\nb:\n  c: 1\n  'c': 2\n"),
               "INVALID 4:3 the key `c` stands twice");
    EXPECT_STR(t->err.place.path, "b");
    EXPECT_STR(t->err.detail, "it stands first in line 3");
    EXPECT_STR(json_outcome(t, "{\"a\":1,\n\"a\":2}"), "INVALID 2:1 the key `a` stands twice");
}

TEST(yaml_refuses_tags)
{
    struct task *t = test_task();
    EXPECT_STR(yaml_outcome(t, "a: !!str 1\n"), "INVALID 1:10 tags (`!name`) are not read here");
    EXPECT(str_starts(yaml_outcome(t, "a: !x {b: 1}\n"), STR("INVALID 1:")));
    EXPECT(str_starts(yaml_outcome(t, "!!map {a: 1}\n"), STR("INVALID 1:")));
    EXPECT(str_starts(yaml_outcome(t, "a: !!seq [1]\n"), STR("INVALID 1:")));
    EXPECT(str_starts(yaml_outcome(t, "!!str a: 1\n"), STR("INVALID 1:")));
}

TEST(yaml_keys_are_texts)
{
    struct task *t = test_task();
    EXPECT_STR(yaml_outcome(t, "? [a, b]\n: 1\n"), "INVALID 1:3 a key must be a text");
    EXPECT_STR(yaml_outcome(t, "{a: 1}: 2\n"), "INVALID 1:1 a key must be a text");
    EXPECT(str_starts(yaml_outcome(t, ": 1\n"), STR("INVALID 1:")));
    EXPECT_STR(yaml_outcome(t, "1: a\ntrue: b\n'': c\n"),
               "{\"1\":\"a\",\"true\":\"b\",\"\":\"c\"}");
}

TEST(yaml_aliases_are_copied)
{
    struct task *t = test_task();
    EXPECT_STR(yaml_outcome(t, "a: &x {b: [1, 2]}\nc: *x\nd: &y text\ne: *y\n"),
               "{\"a\":{\"b\":[1,2]},\"c\":{\"b\":[1,2]},\"d\":\"text\",\"e\":\"text\"}");
    EXPECT_STR(yaml_outcome(t, "a: &x {b: 1}\nc:\n  <<: *x\n"),
               "{\"a\":{\"b\":1},\"c\":{\"<<\":{\"b\":1}}}");
    EXPECT_STR(yaml_outcome(t, "a: *nowhere\n"),
               "INVALID 1:4 the alias `*nowhere` has no anchor before it");
    EXPECT_STR(yaml_outcome(t, "a: &x [1, *x]\n"),
               "INVALID 1:11 an alias stands inside its own anchor");
}

TEST(yaml_alias_bombs_end_at_the_limits)
{
    struct task *t = test_task();
    struct buf *b = buf_new(t->mem, 1 << 20);
    buf_add(b, STR("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"));
    for (int i = 1; i < 10; i++) {
        buf_format(b, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            buf_format(b, "%s*a%d", j > 0 ? "," : "", i - 1);
        buf_add(b, STR("]\n"));
    }
    EXPECT(str_starts(outcome(t, buf_str(b), YAML_MODE_YAML), STR("LIMIT 6:")));
    EXPECT_STR(t->err.message, "the document has more than 200000 nodes");
    buf_clear(b);
    buf_add(b, STR("a: &x 1\nb:\n"));
    for (int i = 0; i <= DOCUMENT_ALIASES_MAX; i++)
        buf_add(b, STR("- *x\n"));
    EXPECT(str_starts(outcome(t, buf_str(b), YAML_MODE_YAML), STR("LIMIT 131:3")));
    EXPECT_STR(t->err.message, "the document has more than 128 aliases");
}

static str nested(struct task *t, int depth, const char *open, const char *close)
{
    struct buf *b = buf_new(t->mem, 1 << 20);
    for (int i = 0; i < depth; i++)
        buf_add(b, str_of(open));
    for (int i = 0; i < depth; i++)
        buf_add(b, str_of(close));
    return buf_str(b);
}

TEST(yaml_depth_is_limited)
{
    struct task *t = test_task();
    EXPECT(str_starts(outcome(t, nested(t, 63, "[", "]"), YAML_MODE_JSON), STR("[[[")));
    EXPECT(str_starts(outcome(t, nested(t, 65, "[", "]"), YAML_MODE_JSON), STR("LIMIT 1:65")));
    EXPECT(str_starts(outcome(t, nested(t, 65, "- ", ""), YAML_MODE_YAML), STR("LIMIT 1:")));
    EXPECT(!str_starts(outcome(t, nested(t, 100000, "[", ""), YAML_MODE_YAML), STR("[")));
    EXPECT(!str_starts(outcome(t, nested(t, 100000, "{a: ", ""), YAML_MODE_YAML), STR("{")));
    EXPECT(!str_starts(outcome(t, nested(t, 100000, "- ", ""), YAML_MODE_YAML), STR("[")));
    EXPECT(!str_starts(outcome(t, nested(t, 100000, "? ", ""), YAML_MODE_YAML), STR("[")));
    /* By aliases, too: a chain of 40 levels put under another of 40. */
    struct buf *b = buf_new(t->mem, 1 << 20);
    buf_format(b, "a: &x " STR_FMT "\n", STR_ARG(nested(t, 40, "[", "]")));
    buf_add(b, STR("b: "));
    for (int i = 0; i < 40; i++)
        buf_add(b, STR("["));
    buf_add(b, STR("*x"));
    for (int i = 0; i < 40; i++)
        buf_add(b, STR("]"));
    EXPECT_STR(outcome(t, buf_str(b), YAML_MODE_YAML),
               "LIMIT 2:44 the document has more than 64 levels");
}

TEST(yaml_size_is_limited)
{
    struct task *t = test_task();
    char *text = arena_alloc(t->mem, DOCUMENT_BYTES_MAX + 1);
    memset(text, 'a', DOCUMENT_BYTES_MAX + 1);
    EXPECT_STR(outcome(t, (str){text, DOCUMENT_BYTES_MAX + 1}, YAML_MODE_YAML),
               "LIMIT 0:0 the document has more than 1048576 bytes");
    struct buf *b = buf_new(t->mem, 1 << 20);
    buf_add(b, STR("["));
    for (int i = 0; i < DOCUMENT_NODES_MAX; i++)
        buf_add(b, STR("1,"));
    EXPECT(str_starts(outcome(t, buf_str(b), YAML_MODE_YAML), STR("LIMIT 1:")));
}

TEST(yaml_text_is_utf8_without_nul)
{
    struct task *t = test_task();
    EXPECT_STR(outcome(t, STR("a: b\nc: \xc3\xa4\xff\n"), YAML_MODE_YAML),
               "INVALID 2:5 the file is not UTF-8 text");
    EXPECT_STR(outcome(t, (str){"a: \0b", 5}, YAML_MODE_YAML),
               "INVALID 1:4 the file is not UTF-8 text");
    EXPECT_STR(yaml_outcome(t, "a: \"x\\0\"\n"),
               "INVALID 1:4 an escape makes a character that no text may hold");
    EXPECT(str_starts(json_outcome(t, "[\"\\u0000\"]"), STR("INVALID 1:2")));
    EXPECT_STR(yaml_outcome(t, "\xef\xbb\xbf"
                               "a: 1\n"),
               "{\"a\":1}");
    EXPECT_STR(json_outcome(t, "\xef\xbb\xbf{\"a\":1}"), "{\"a\":1}");
}

TEST(yaml_reads_one_document_or_all)
{
    struct task *t = test_task();
    EXPECT_STR(yaml_outcome(t, "---\na: 1\n...\n"), "{\"a\":1}");
    EXPECT_STR(yaml_outcome(t, "a: 1\n---\nb: 2\n"),
               "INVALID 2:1 a second document begins here, and there may be one only");
    EXPECT_STR(yaml_outcome(t, "a: 1\n...\nfoo: 1\n"),
               "INVALID 3:1 a second document begins here, and there may be one only");
    struct yaml_documents documents;
    EXPECT_OK(t, yaml_read_all(t, t->mem, STR("a: &x 1\n---\nb: 2\n---\n- c\n"), STR("a.yaml"),
                               &documents));
    REQUIRE(documents.len == 3);
    EXPECT_STR(as_json(t, documents.at[1]), "{\"b\":2}");
    EXPECT_INT(documents.at[2]->line, 5);
    EXPECT_OK(t, yaml_read_all(t, t->mem, STR(""), STR("a.yaml"), &documents));
    EXPECT_INT(documents.len, 0);
    /* An anchor ends with its document. */
    EXPECT_FAIL(t, ERR_INVALID,
                yaml_read_all(t, t->mem, STR("a: &x 1\n---\nb: *x\n"), STR("a.yaml"), &documents));
}

TEST(yaml_syntax_errors_have_a_place_and_a_reason)
{
    struct task *t = test_task();
    EXPECT_STR(yaml_outcome(t, "a: 1\nb: [1, 2\nc: 3\n"), "INVALID 4:1 this is not valid YAML");
    EXPECT(t->err.detail.len > 0);
    EXPECT(str_starts(yaml_outcome(t, "a:\n\tb: 2\n"), STR("INVALID 2:")));
    EXPECT(t->err.detail.len > 0);
    EXPECT(str_starts(yaml_outcome(t, "a: \"x\n"), STR("INVALID ")));
    EXPECT(str_starts(yaml_outcome(t, "a: b: c\n"), STR("INVALID 1:")));
    EXPECT(str_starts(yaml_outcome(t, "- a\nb: c\n"), STR("INVALID 2:")));
}

TEST(yaml_last_line_needs_no_end)
{
    struct task *t = test_task();
    EXPECT_STR(yaml_outcome(t, "d: |\n "), "{\"d\":\"\"}");
    EXPECT_STR(yaml_outcome(t, "d: |\n x"), "{\"d\":\"x\\n\"}");
    EXPECT_STR(yaml_outcome(t, "d: >-\n x"), "{\"d\":\"x\"}");
    EXPECT_STR(yaml_outcome(t, "d: x"), "{\"d\":\"x\"}");
    EXPECT_STR(yaml_outcome(t, "d: 'x'"), "{\"d\":\"x\"}");
}

TEST(yaml_json_mode_takes_json_only)
{
    struct task *t = test_task();
    EXPECT_STR(json_outcome(t, "{\"a\": [1, -2.50, 1e5, true, false, null, \"x\\u00e4\\n\"]}"),
               "{\"a\":[1,-2.50,1e5,true,false,null,\"x\xc3\xa4\\n\"]}");
    EXPECT_STR(json_outcome(t, " 7 "), "7");
    EXPECT_STR(json_outcome(t, "\"x\""), "\"x\"");
    const char *const bad[] = {"",
                               "{a: 1}",
                               "{'a': 1}",
                               "[1,]",
                               "{\"a\":1,}",
                               "[1 2]",
                               "nul",
                               "[~]",
                               "[True]",
                               "a: 1",
                               "{\"a\":1}}",
                               "[1]x",
                               "{\"a\"}",
                               "[01]",
                               "[1.]",
                               "[.5]",
                               "[+1]",
                               "[0x10]",
                               "[NaN]",
                               "[\"\t\"]",
                               "# c\n[1]",
                               "[\"\\x41\"]",
                               "{\"a\":}",
                               "[1",
                               "\"a\nb\"",
                               "[1]\n[2]",
                               "[1]\n---\n",
                               "- 1",
                               "*a",
                               "[&a 1]",
                               "[!!str 1]",
                               "[null,Null]",
                               "{\"a\":1 \"b\":2}",
                               "{1: 2}",
                               "[\"\\ud800\"]",
                               "[-]"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        str found = json_outcome(t, bad[i]);
        if (!str_starts(found, STR("INVALID")))
            EXPECT_STR(arena_format(t->mem, "%s gives " STR_FMT, bad[i], STR_ARG(found)),
                       "refused");
    }
}

TEST(yaml_maps_of_many_keys_are_read_in_linear_time)
{
    struct task *t = test_task();
    struct buf *b = buf_new(t->mem, 1 << 20);
    for (int i = 0; i < 60000; i++)
        buf_format(b, "k%d: %d\n", i, i);
    const struct tree *root = read_yaml(t, arena_c_string(t->mem, buf_str(b)));
    REQUIRE(root != NULL);
    EXPECT_INT(root->len, 60000);
}

TEST(a_text_of_a_bundle_that_no_document_could_be_is_an_error)
{
    struct task *t = test_task();
    struct buf *body = buf_new(t->mem, 16 << 20);
    struct tree *tree;
    buf_add(body, STR("{\"text\":\""));
    for (int i = 0; i < 300000; i++)
        buf_add(body, STR("0123456789"));
    buf_add(body, STR("\"}"));
    EXPECT_FAIL(t, ERR_INVALID,
                yaml_read(t, t->mem, buf_str(body), STR("body"), YAML_MODE_BUNDLE, &tree));
}

TEST(what_is_written_as_yaml_is_read_as_the_same)
{
    static const char *const texts[] = {
        "",
        " ",
        "a",
        "a b",
        " a",
        "a ",
        "1.0",
        "0x1f",
        "true",
        "null",
        "~",
        "-",
        "- a",
        "-1",
        "--- a",
        "...",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "'a'",
        "\"a\"",
        "[a]",
        "{a}",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        "?",
        "? a",
        "a\tb",
        "\ta",
        "a\nb",
        "a\nb\n",
        "a\n\nb\n\n",
        "\n",
        "\na",
        " a\nb",
        "a\n b",
        "a \nb",
        "a\r\nb",
        "\xc2\x85",
        "a\xe2\x80\xa8"
        "b",
        "\xef\xbb\xbf"
        "a",
        "\x01",
        "\x7f",
        "\\",
        "a\\nb",
        "\xc3\xa4",
        "\xf0\x9f\x8e\x89",
        "<<",
        "=",
        "0068780060324",
        "2022-08-02",
        "09:00-08:00",
        ".5",
        "+1",
        "1e999",
        ".inf",
        "${A}",
        "Yes",
        "a\n# b\n",
        "--- a\nb",
        "a\n---\nb\n",
        "a\n...\n",
    };
    struct task *t = test_task();
    struct tree *list = tree_new(t->mem, TREE_LIST), *map = tree_new(t->mem, TREE_MAP), *again;
    struct buf *out = buf_new(t->mem, 1 << 20);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct tree *one = tree_new(t->mem, TREE_MAP);
        tree_push(t->mem, list, tree_text(t->mem, str_of(texts[i])));
        EXPECT(tree_put(t->mem, map, str_of(texts[i]), tree_text(t->mem, str_of(texts[i]))));
        EXPECT(tree_put(t->mem, one, STR("a"), tree_text(t->mem, str_of(texts[i]))));
        EXPECT(tree_put(t->mem, one, STR("b"), tree_new(t->mem, TREE_NULL)));
        tree_push(t->mem, list, one);
        buf_clear(out);
        yaml_out(out, tree_text(t->mem, str_of(texts[i])), NULL);
        REQUIRE_OK(t, yaml_read(t, t->mem, buf_str(out), STR("one"), YAML_MODE_YAML, &again));
        EXPECT(tree_equal(again, tree_text(t->mem, str_of(texts[i]))));
    }
    tree_push(t->mem, list, map);
    tree_push(t->mem, list, tree_new(t->mem, TREE_LIST));
    tree_push(t->mem, list, tree_new(t->mem, TREE_MAP));
    struct tree *nested = tree_new(t->mem, TREE_LIST);
    tree_push(t->mem, nested, tree_copy(t->mem, list));
    tree_push(t->mem, list, nested);
    buf_clear(out);
    yaml_out(out, list, NULL);
    REQUIRE_OK(t, yaml_read(t, t->mem, buf_str(out), STR("all"), YAML_MODE_YAML, &again));
    EXPECT(tree_equal(again, list));
}

TEST(numbers_and_words_keep_what_they_are)
{
    struct task *t = test_task();
    struct tree *tree, *again;
    struct buf *out = buf_new(t->mem, 1 << 20);
    str text =
        STR("a: 1.50\nb: '1.50'\nc: true\nd: 'true'\ne: null\nf: 'null'\ng: .5\nh: -.inf\ni: 0x1F\n"
            "j: |\n  line one\n    line two\nk: >-\n  folded\n  text\n");
    REQUIRE_OK(t, yaml_read(t, t->mem, text, STR("a"), YAML_MODE_YAML, &tree));
    yaml_out(out, tree, NULL);
    EXPECT_STR(buf_str(out),
               "a: 1.50\nb: \"1.50\"\nc: true\nd: \"true\"\ne: null\nf: \"null\"\ng: .5\nh: -.inf\n"
               "i: 0x1F\nj: |\n  line one\n    line two\nk: folded text\n");
    REQUIRE_OK(t, yaml_read(t, t->mem, buf_str(out), STR("b"), YAML_MODE_YAML, &again));
    EXPECT(tree_equal(tree, again));
}
