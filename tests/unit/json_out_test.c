#include "json_out/json_out.h"

#include "test.h"
#include "json/json.h"

static struct json_out new_out(struct task *t)
{
    return (struct json_out){.b = buf_new(t->mem, 1 << 16)};
}

TEST(members_and_lists_are_parted_by_commas)
{
    struct task *t = test_task();
    struct json_out o = new_out(t);
    struct str_list names = {0};
    vec_push(t->mem, &names, STR("a"));
    vec_push(t->mem, &names, STR("b"));
    json_out_begin(&o, "", '{');
    json_out_str(&o, "name", STR("x"));
    json_out_list(&o, "names", &names);
    json_out_begin(&o, "empty", '[');
    json_out_end(&o, ']');
    json_out_begin(&o, "rows", '[');
    for (int i = 0; i < 2; i++) {
        json_out_begin(&o, "", '{');
        json_out_int(&o, "i", i);
        json_out_end(&o, '}');
    }
    json_out_end(&o, ']');
    json_out_bool(&o, "last", true);
    json_out_end(&o, '}');
    EXPECT_STR(buf_str(o.b), "{\"name\":\"x\",\"names\":[\"a\",\"b\"],\"empty\":[],\"rows\":[{"
                             "\"i\":0},{\"i\":1}],\"last\":true}");
}

TEST(what_is_empty_or_zero_is_null_where_that_is_meant)
{
    struct task *t = test_task();
    struct json_out o = new_out(t);
    json_out_begin(&o, "", '[');
    json_out_maybe(&o, "", STR_NONE);
    json_out_maybe(&o, "", STR("x"));
    json_out_str(&o, "", STR_NONE);
    json_out_raw(&o, "", STR_NONE);
    json_out_raw(&o, "", STR("{\"a\":1}"));
    json_out_time(&o, "", 0);
    json_out_null(&o, "");
    json_out_bool(&o, "", false);
    json_out_end(&o, ']');
    EXPECT_STR(buf_str(o.b), "[null,\"x\",\"\",null,{\"a\":1},null,null,false]");
}

TEST(numbers_of_64_bits_are_whole)
{
    struct task *t = test_task();
    struct json_out o = new_out(t);
    json_out_begin(&o, "", '[');
    json_out_int(&o, "", INT64_MIN);
    json_out_int(&o, "", INT64_MAX);
    json_out_uint(&o, "", UINT64_MAX);
    json_out_end(&o, ']');
    EXPECT_STR(buf_str(o.b), "[-9223372036854775808,9223372036854775807,18446744073709551615]");
}

TEST(a_time_is_written_in_utc)
{
    struct task *t = test_task();
    struct json_out o = new_out(t);
    json_out_time(&o, "", 1000000);
    EXPECT(str_starts(buf_str(o.b), STR("\"1970-01-01T00:00:01")));
    EXPECT(str_ends(buf_str(o.b), STR("Z\"")));
}

TEST(any_bytes_give_a_document_that_can_be_read)
{
    static const struct json_limits limits = {1 << 16, 16, 100};
    static const char wild[] = "quote \" back \\ line \n tab \t bell \a high \xff end";
    struct task *t = test_task();
    struct json_out o = new_out(t);
    struct tree *read;
    json_out_begin(&o, "", '{');
    json_out_str(&o, "text", (str){wild, sizeof wild - 1});
    json_out_end(&o, '}');
    REQUIRE_OK(t, json_read(t, t->mem, buf_str(o.b), &limits, &read));
    str text = tree_find_text(read, STR("text"));
    EXPECT(str_starts(text, STR("quote \" back \\ line \n tab \t bell ")));
    EXPECT(str_ends(text, STR(" end")));
    EXPECT(str_is_utf8(text));
}

TEST(a_nul_stays_inside_its_text)
{
    struct task *t = test_task();
    struct json_out o = new_out(t);
    json_out_str(&o, "", (str){"a\0b", 3});
    EXPECT_STR(buf_str(o.b), "\"a\\u0000b\"");
}
