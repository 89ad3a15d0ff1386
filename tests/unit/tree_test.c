#include "tree/tree.h"

#include <math.h>

#include "buf/buf.h"
#include "test.h"

static struct tree *plain(struct task *t, const char *text)
{
    struct tree *tree = tree_new(t->mem, TREE_SCALAR);
    tree->text = str_of(text);
    return tree;
}

static str json_of(struct task *t, const struct tree *tree)
{
    struct buf *b = buf_new(t->mem, 1 << 20);
    tree_json(tree, b);
    return buf_copy(b, t->mem);
}

/* {name: "a", list: [1, null, {"x y": true}], "weird.key": .5} */
static struct tree *sample(struct task *t)
{
    struct tree *root = tree_new(t->mem, TREE_MAP);
    struct tree *list = tree_new(t->mem, TREE_LIST);
    struct tree *inner = tree_new(t->mem, TREE_MAP);
    EXPECT(tree_put(t->mem, root, STR("name"), tree_text(t->mem, STR("a"))));
    EXPECT(tree_put(t->mem, root, STR("list"), list));
    EXPECT(tree_put(t->mem, inner, STR("x y"), plain(t, "true")));
    tree_push(t->mem, list, plain(t, "1"));
    tree_push(t->mem, list, tree_new(t->mem, TREE_NULL));
    tree_push(t->mem, list, inner);
    EXPECT(tree_put(t->mem, root, STR("weird.key"), plain(t, ".5")));
    return root;
}

TEST(tree_finds_children)
{
    struct task *t = test_task();
    struct tree *root = sample(t);
    EXPECT(!tree_put(t->mem, root, STR("name"), plain(t, "b")));
    EXPECT_INT(root->len, 3);
    EXPECT_STR(tree_find_text(root, STR("name")), "a");
    EXPECT_STR(tree_find_text(root, STR("list")), "");
    EXPECT(tree_get(root, STR("nothing")) == NULL);
    EXPECT(tree_get(NULL, STR("a")) == NULL);
    EXPECT(tree_get(tree_get(root, STR("list")), STR("a")) == NULL);
    EXPECT(tree_put(t->mem, root, STR("none"), plain(t, "~")));
    EXPECT(tree_get(root, STR("none")) != NULL);
    EXPECT(tree_find(root, STR("none")) == NULL);
    EXPECT_STR(tree_find_text(root, STR("none")), "");
}

TEST(tree_finds_among_many_keys)
{
    struct task *t = test_task();
    struct tree *root = tree_new(t->mem, TREE_MAP);
    for (int i = 0; i < 20000; i++)
        EXPECT(tree_put(t->mem, root, arena_format(t->mem, "k%d", i), plain(t, "1")));
    EXPECT(!tree_put(t->mem, root, STR("k19999"), plain(t, "2")));
    EXPECT(tree_get(root, STR("k0")) == root->at[0]);
    EXPECT(tree_get(root, STR("k777")) == root->at[777]);
    EXPECT(tree_get(root, STR("k20000")) == NULL);
    EXPECT(tree_equal(root, tree_copy(t->mem, root)));
}

TEST(tree_knows_its_path)
{
    struct task *t = test_task();
    struct tree *root = sample(t);
    const struct tree *list = tree_get(root, STR("list"));
    EXPECT_STR(tree_path(t->mem, root), "$");
    EXPECT_STR(tree_path(t->mem, NULL), "$");
    EXPECT_STR(tree_path(t->mem, tree_get(root, STR("name"))), "name");
    EXPECT_STR(tree_path(t->mem, list->at[1]), "list[1]");
    EXPECT_STR(tree_path(t->mem, list->at[2]->at[0]), "list[2][\"x y\"]");
    EXPECT_STR(tree_path(t->mem, tree_get(root, STR("weird.key"))), "[\"weird.key\"]");
    struct tree *inner = list->at[2];
    EXPECT(tree_put(t->mem, inner, STR("y"), plain(t, "1")));
    inner->at[1]->line = 7;
    inner->at[1]->column = 3;
    struct place place = tree_place(t->mem, STR("f.yaml"), inner->at[1]);
    EXPECT_STR(place.file, "f.yaml");
    EXPECT_STR(place.path, "list[2].y");
    EXPECT_INT(place.line, 7);
    EXPECT_INT(place.column, 3);
}

/* Columns: spelling, type by the core schema, the same as JSON. */
static const char *const scalars[][3] = {
    {"", "null", "null"},
    {"null", "null", "null"},
    {"Null", "null", "null"},
    {"~", "null", "null"},
    {"nULL", "text", "\"nULL\""},
    {"true", "true/false", "true"},
    {"False", "true/false", "false"},
    {"tRUE", "text", "\"tRUE\""},
    {"yes", "text", "\"yes\""},
    {"0", "integer", "0"},
    {"-12", "integer", "-12"},
    {"+12", "integer", "\"+12\""},
    {"007", "integer", "\"007\""},
    {"0x1F", "integer", "\"0x1F\""},
    {"0o17", "integer", "\"0o17\""},
    {"0o18", "text", "\"0o18\""},
    {"0x", "text", "\"0x\""},
    {"99999999999999999999", "number", "99999999999999999999"},
    {"0xFFFFFFFFFFFFFFFFFF", "number", "\"0xFFFFFFFFFFFFFFFFFF\""},
    {"1.50", "number", "1.50"},
    {"-0.5e-3", "number", "-0.5e-3"},
    {"1e6", "number", "1e6"},
    {".5", "number", "\".5\""},
    {"5.", "number", "\"5.\""},
    {"-.5", "number", "\"-.5\""},
    {"1e999", "number", "1e999"},
    {".inf", "number", "\".inf\""},
    {"-.INF", "number", "\"-.INF\""},
    {".NaN", "number", "\".NaN\""},
    {"-.nan", "text", "\"-.nan\""},
    {"1_000", "text", "\"1_000\""},
    {"1.2.3", "text", "\"1.2.3\""},
    {"12:30", "text", "\"12:30\""},
    {"-", "text", "\"-\""},
    {".", "text", "\".\""},
    {"e5", "text", "\"e5\""},
    {"2026-01-01", "text", "\"2026-01-01\""},
};

TEST(tree_reads_scalars_by_the_core_schema)
{
    struct task *t = test_task();
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++) {
        struct tree *tree = plain(t, scalars[i][0]);
        str type = str_of(scalars[i][1]);
        int64_t whole;
        double number;
        bool truth;
        EXPECT_STR(tree_type_name(tree), type);
        EXPECT_STR(json_of(t, tree), scalars[i][2]);
        EXPECT(tree_is_null(tree) == str_eq(type, STR("null")));
        EXPECT(tree_is_bool(tree, &truth) == str_eq(type, STR("true/false")));
        EXPECT(tree_is_int(tree, &whole) == str_eq(type, STR("integer")));
        EXPECT(tree_is_string(tree) == str_eq(type, STR("text")));
        if (tree_is_number(tree, &number))
            EXPECT(isfinite(number)
                   && (str_eq(type, STR("integer")) || str_eq(type, STR("number"))));
        tree->quoted = true;
        EXPECT_STR(tree_type_name(tree), "text");
        EXPECT(tree_is_string(tree) && !tree_is_null(tree) && !tree_is_number(tree, &number));
        EXPECT(json_of(t, tree).ptr[0] == '"');
    }
}

TEST(tree_gives_values)
{
    struct task *t = test_task();
    int64_t whole = 0;
    double number = 0;
    bool truth = false;
    EXPECT(tree_is_int(plain(t, "0x1f"), &whole) && whole == 31);
    EXPECT(tree_is_int(plain(t, "0o17"), &whole) && whole == 15);
    EXPECT(tree_is_int(plain(t, "-9223372036854775808"), &whole) && whole == INT64_MIN);
    EXPECT(!tree_is_int(plain(t, "1.0"), &whole));
    EXPECT(tree_is_number(plain(t, "7"), &number) && number == 7);
    EXPECT(tree_is_number(plain(t, "-.5"), &number) && number == -0.5);
    EXPECT(!tree_is_number(plain(t, ".inf"), &number)
           && !tree_is_number(plain(t, "1e999"), &number));
    EXPECT(tree_is_bool(plain(t, "TRUE"), &truth) && truth);
    EXPECT(!tree_is_bool(NULL, &truth) && !tree_is_int(NULL, &whole) && !tree_is_string(NULL));
    EXPECT(!tree_is_null(NULL));
}

TEST(tree_writes_json)
{
    struct task *t = test_task();
    EXPECT_STR(json_of(t, sample(t)),
               "{\"name\":\"a\",\"list\":[1,null,{\"x y\":true}],\"weird.key\":\".5\"}");
    EXPECT_STR(json_of(t, tree_new(t->mem, TREE_MAP)), "{}");
    EXPECT_STR(json_of(t, tree_new(t->mem, TREE_LIST)), "[]");
    EXPECT_STR(json_of(t, NULL), "null");
    EXPECT_STR(json_of(t, tree_text(t->mem, STR("5"))), "\"5\"");
}

TEST(tree_compares_what_is_said)
{
    struct task *t = test_task();
    struct tree *a = tree_new(t->mem, TREE_MAP), *b = tree_new(t->mem, TREE_MAP);
    EXPECT(tree_put(t->mem, a, STR("x"), plain(t, "1"))
           && tree_put(t->mem, a, STR("y"), plain(t, "~")));
    EXPECT(tree_put(t->mem, b, STR("y"), plain(t, "null"))
           && tree_put(t->mem, b, STR("x"), plain(t, "0x1")));
    EXPECT(tree_equal(a, b));
    EXPECT(tree_put(t->mem, b, STR("z"), plain(t, "1")));
    EXPECT(!tree_equal(a, b));
    EXPECT(tree_equal(plain(t, "1.50"), plain(t, "1.5"))
           && tree_equal(plain(t, "1.0"), plain(t, "1")));
    EXPECT(tree_equal(plain(t, "True"), plain(t, "true"))
           && !tree_equal(plain(t, "true"), plain(t, "1")));
    EXPECT(!tree_equal(plain(t, "1"), tree_text(t->mem, STR("1"))));
    EXPECT(tree_equal(plain(t, "a"), tree_text(t->mem, STR("a"))));
    EXPECT(!tree_equal(plain(t, "0.1"), plain(t, "0.10000000000000000001")));
    EXPECT(!tree_equal(plain(t, "99999999999999999998"), plain(t, "99999999999999999999")));
    EXPECT(!tree_equal(tree_new(t->mem, TREE_MAP), tree_new(t->mem, TREE_LIST)));
    EXPECT(!tree_equal(a, NULL) && tree_equal(NULL, NULL));
}

TEST(tree_copies_whole)
{
    struct task *t = test_task();
    struct tree *root = sample(t);
    root->at[1]->at[0]->line = 9;
    root->at[1]->key_line = 8;
    struct task *other = test_task();
    struct tree *copy = tree_copy(other->mem, root);
    EXPECT(tree_equal(root, copy));
    EXPECT(copy->parent == NULL && copy->at[1]->at[2]->parent == copy->at[1]);
    EXPECT_INT(copy->at[1]->at[0]->line, 9);
    EXPECT_INT(copy->at[1]->key_line, 8);
    EXPECT_STR(tree_path(t->mem, copy->at[1]->at[2]->at[0]), "list[2][\"x y\"]");
    EXPECT(tree_copy(t->mem, NULL) == NULL);
}
