#include "scan/json_scan.h"

#include "test.h"

/* Records, or the message. */
static str scanned(struct task *t, enum json_scan_kind kind, const char *records, str text)
{
    struct buf *out = buf_new(t->mem, 1 << 20);
    struct json_scan *s = json_scan_new(t->mem, kind, str_of(records), out);
    if (s == NULL)
        return STR("no pointer");
    if (!json_scan_feed(s, text) || !json_scan_end(s))
        return json_scan_message(t->mem, s);
    return buf_str(out);
}

static str document(struct task *t, const char *records, const char *text)
{
    return scanned(t, JSON_SCAN_DOCUMENT, records, str_of(text));
}

TEST(json_scan_gives_records_a_line_each)
{
    struct task *t = test_task();
    EXPECT_STR(document(t, "", "[ {\"a\": 1},\n\t{\"b\" :[1 , 2]} ]"),
               "{\"a\":1}\n{\"b\":[1,2]}\n");
    EXPECT_STR(document(t, "", "{\"a\": \"x \\n y\"}"), "{\"a\":\"x \\n y\"}\n");
    EXPECT_STR(document(t, "/d/1/r", "{\"c\":{\"r\":[{}]},\"d\":[0,{\"r\":[{\"a\":1}]}]}"),
               "{\"a\":1}\n");
    EXPECT_STR(document(t, "/a~1b/~0", "{\"a/b\":{\"~\":{\"x\":null}}}"), "{\"x\":null}\n");
    EXPECT_STR(document(t, "/", "{\"\":{\"x\":1}}"), "{\"x\":1}\n");
    EXPECT_STR(document(t, "a", "{}"), "no pointer");
    EXPECT_STR(document(t, "/~2", "{}"), "no pointer");
}

TEST(json_scan_tells_what_would_be_changed)
{
    struct task *t = test_task();
    static const char *const cases[][2] = {
        {"{\"a\":1,\"a\":2}", "line 1, column 8: a key stands twice in one object"},
        {"{\"a\":0.1}", ""},
        {"{\"a\":123456789012345678901234567890}", ""},
        {"{\"a\":0.30000000000000004}", ""},
        {"{\"a\":1.0000000000000000000}", ""},
        {"{\"a\":0.300000000000000041}", "line 1, column 6: a number has more digits than can be "
                                         "kept: write it as text, in quotes"},
        {"{\"a\":1e-400}", "line 1, column 6: a number has more digits than can be kept: write it "
                           "as text, in quotes"},
        {"\n{\"a\": 1e400}", "line 2, column 7: a number is beyond the range of numbers"},
        {"{\"a\":\"\xc3\"}", "line 1, column 7: it is not UTF-8"},
        {"{\"a\":\"\t\"}", "line 1, column 7: a text holds a control character"},
        {"{\"a\":01}", "line 1, column 6: it is not JSON"},
        {"{\"a\":.5}", "line 1, column 6: it is not JSON"},
        {"{\"a\":nul}", "line 1, column 6: it is not JSON"},
        {"{\"a\":[1,]}", "line 1, column 9: it is not JSON"},
        {"{\"a\":1]", "line 1, column 7: it is not JSON"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        str text = scanned(t, JSON_SCAN_LINES, "", str_of(cases[i][0]));
        EXPECT_STR(str_starts(text, STR("line")) ? text : STR_NONE, cases[i][1]);
    }
}
