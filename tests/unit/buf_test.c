#include "buf/buf.h"

#include <string.h>

#include "test.h"

TEST(buf_grows_to_its_ceiling)
{
    struct buf b;
    buf_init(&b, 1000);
    for (int i = 0; i < 100; i++)
        EXPECT(buf_add(&b, STR("0123456789")));
    EXPECT_INT(b.len, 1000);
    EXPECT(!b.full);
    EXPECT(!buf_add_byte(&b, 'x'));
    EXPECT(b.full);
    EXPECT_INT(b.len, 1000);
    buf_clear(&b);
    EXPECT(!b.full && b.len == 0);
    EXPECT(!buf_add(&b, (str){b.ptr, 1001}));
    /* Once full, also what would still fit is left out: the text would have a hole. */
    EXPECT(!buf_add_byte(&b, 'x'));
    EXPECT_INT(b.len, 0);
    buf_free(&b);
}

TEST(buf_formats_up_to_the_last_byte)
{
    struct buf b;
    buf_init(&b, 5);
    EXPECT(buf_format(&b, "%d", 12345));
    EXPECT_STR(buf_str(&b), "12345");
    EXPECT(!buf_format(&b, "%d", 6));
    EXPECT(b.full);
    buf_free(&b);
    buf_init(&b, 0);
    EXPECT(buf_add(&b, STR_NONE));
    EXPECT(buf_format(&b, "%s", ""));
    EXPECT(!buf_add_byte(&b, 'x'));
    buf_free(&b);
}

TEST(buf_drops_and_copies)
{
    struct task *t = test_task();
    struct buf *b = buf_new(t->mem, SIZE_MAX);
    EXPECT_STR(buf_copy(b, t->mem), "");
    buf_add(b, STR("header body"));
    buf_drop(b, 7);
    EXPECT_STR(buf_str(b), "body");
    str copy = buf_copy(b, t->mem);
    buf_drop(b, 99);
    EXPECT_STR(buf_str(b), "");
    EXPECT_STR(copy, "body");
}

static str json(struct task *t, str s)
{
    struct buf *b = buf_new(t->mem, 1000);
    EXPECT(buf_add_json(b, s));
    return buf_copy(b, t->mem);
}

TEST(buf_writes_json_strings)
{
    struct task *t = test_task();
    EXPECT_STR(json(t, STR("plain \xe2\x82\xac")), "\"plain \xe2\x82\xac\"");
    EXPECT_STR(json(t, STR("\"\\\b\f\n\r\t\x01/")), "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001/\"");
    EXPECT_STR(json(t, STR("a\0b")), "\"a\\u0000b\"");
    EXPECT_STR(json(t, STR("a\xff\xe2\x82z\xed\xa0\x80")),
               "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    EXPECT_STR(json(t, STR_NONE), "\"\"");
}

TEST(buf_leaves_no_half_of_a_quoted_text)
{
    struct buf b;
    buf_init(&b, 8);
    buf_add(&b, STR("ab"));
    EXPECT(!buf_add_json(&b, STR("1234\"5")));
    EXPECT_STR(buf_str(&b), "ab");
    EXPECT(b.full);
    buf_free(&b);
}

TEST(buf_quotes_sql)
{
    struct task *t = test_task();
    struct buf *b = buf_new(t->mem, 1000);
    buf_add_identifier(b, STR("a\"b"));
    buf_add_byte(b, ' ');
    buf_add_literal(b, STR("it's '' \\ \"x\""));
    buf_add_byte(b, ' ');
    buf_add_literal(b, STR_NONE);
    EXPECT_STR(buf_str(b), "\"a\"\"b\" 'it''s '''' \\ \"x\"' ''");
    EXPECT(!b->full);
}

TEST(buf_refuses_a_nul_in_sql)
{
    struct task *t = test_task();
    struct buf *b = buf_new(t->mem, 1000);
    buf_add(b, STR("x"));
    EXPECT(!buf_add_literal(b, STR("a\0b")));
    EXPECT(b->full);
    EXPECT_STR(buf_str(b), "x");
    buf_clear(b);
    EXPECT(!buf_add_identifier(b, STR("\0")));
    EXPECT(b->full);
}
