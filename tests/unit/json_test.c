#include "json/json.h"

#include <string.h>

#include "buf/buf.h"
#include "limits/limits.h"
#include "test.h"

static const struct json_limits limits = {
    .bytes = SQL_TREE_BYTES_MAX, .depth = JSON_DEPTH_MAX, .nodes = 1000000};

static str outcome(struct task *t, str text, const struct json_limits *most)
{
    struct tree *tree = NULL;
    if (!json_read(t, t->mem, text, most, &tree))
        return arena_format(t->mem, "%s " STR_FMT, error_name(t->err.code),
                            STR_ARG(t->err.message));
    struct buf *b = buf_new(t->mem, 1 << 25);
    tree_json(tree, b);
    return buf_str(b);
}

TEST(json_reads_values_and_keeps_the_spelling_of_numbers)
{
    struct task *t = test_task();
    const char *const same[] = {
        "{\"a\":[1,-2,3.50,1e5,1.0E-10,true,false,null],\"b\":{\"c\":\"x\\ny\"}}",
        "18446744073709551615",
        "-9223372036854775808",
        "[0.1,100000000000000000000000.5,0]",
        "\"text\"",
        "[]",
        "{}",
        "null",
    };
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        EXPECT_STR(outcome(t, str_of(same[i]), &limits), same[i]);
    EXPECT_STR(outcome(t, STR(" [ 1 , \"\\u00e4\\ud83d\\ude00\" ] \n"), &limits),
               "[1,\"\xc3\xa4\xf0\x9f\x98\x80\"]");
}

TEST(json_strings_are_texts_and_numbers_are_not)
{
    struct task *t = test_task();
    struct tree *tree = NULL;
    REQUIRE_OK(t, json_read(t, t->mem, STR("[\"1\",1,\"null\",null,true]"), &limits, &tree));
    int64_t n = 0;
    bool yes = false;
    EXPECT(tree_is_string(tree->at[0]));
    EXPECT(tree_is_int(tree->at[1], &n) && n == 1);
    EXPECT(tree_is_string(tree->at[2]));
    EXPECT(tree_is_null(tree->at[3]));
    EXPECT(tree_is_bool(tree->at[4], &yes) && yes);
}

TEST(json_refuses_what_is_no_json)
{
    struct task *t = test_task();
    const char *const bad[] = {"",
                               "  ",
                               "{",
                               "[1",
                               "[1,]",
                               "{\"a\":1,}",
                               "{a:1}",
                               "{'a':1}",
                               "[1]x",
                               "[1][2]",
                               "nul",
                               "NaN",
                               "[Infinity]",
                               "01",
                               "[1.]",
                               "/* */ 1",
                               "\"a",
                               "\"\xff\"",
                               "\"\xc1\xbc\"",
                               "\"\xe0\x80\xaf\"",
                               "\"\xed\xa0\x80\"",
                               "\"\xf4\x90\x80\x80\"",
                               "\"\xc3\"",
                               "\"\\\xc3\xa4\"",
                               "\"a\tb\"",
                               "[1 2]",
                               "{\"a\" 1}",
                               "{\"a\\u0000b\":1}",
                               "[18446744073709551616]",
                               "[-9223372036854775809]",
                               "]",
                               "}",
                               "-",
                               "[-]",
                               "[\"\\x\"]"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        str found = outcome(t, str_of(bad[i]), &limits);
        if (!str_starts(found, STR("PROTOCOL")))
            EXPECT_STR(arena_format(t->mem, "%s gives " STR_FMT, bad[i], STR_ARG(found)),
                       "refused");
    }
    EXPECT(str_starts(outcome(t, (str){"[1\0]", 4}, &limits), STR("PROTOCOL")));
}

TEST(json_limits_hold_before_anything_is_built)
{
    struct task *t = test_task();
    const struct json_limits small = {.bytes = 100, .depth = 3, .nodes = 10};
    EXPECT_STR(outcome(t, STR("[[[1]]]"), &small), "[[[1]]]");
    EXPECT_STR(outcome(t, STR("[[[[1]]]]"), &small), "LIMIT the tree has more than 3 levels");
    EXPECT_STR(outcome(t, STR("[\"[[[[[[\\\"[[[\"]"), &small), "[\"[[[[[[\\\"[[[\"]");
    EXPECT_STR(outcome(t, STR("[1,2,3,4,5,6,7,8,9,10,11]"), &small),
               "LIMIT the tree has more than 10 nodes");
    char *deep = arena_alloc(t->mem, 2000000);
    memset(deep, '[', 2000000);
    EXPECT_STR(outcome(t, (str){deep, 101}, &small), "LIMIT the tree has more than 100 bytes");
    EXPECT_STR(outcome(t, (str){deep, 2000000}, &limits),
               "LIMIT the tree has more than 1000 levels");
    memset(deep + 1000, ']', 1000);
    EXPECT(str_starts(outcome(t, (str){deep, 2000}, &limits), STR("[[[[")));
}
