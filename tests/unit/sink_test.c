#include "sink/sink.h"

#include "buf/buf.h"
#include "test.h"

TEST(row_formats_have_names)
{
    enum row_format format = ROW_FORMAT_COUNT;
    EXPECT_STR(row_format_name(ROW_FORMAT_NDJSON), "ndjson");
    for (int i = 0; i < ROW_FORMAT_COUNT; i++)
        EXPECT(row_format_by_name(str_of(row_format_name((enum row_format)i)), &format)
               && (int)format == i);
    EXPECT(!row_format_by_name(STR("xml"), &format));
}

TEST(row_sink_keeps_bytes_up_to_its_ceiling)
{
    struct task *t = test_task();
    struct buf *b = buf_new(t->mem, 8);
    struct row_sink sink = row_sink_to_buf(b);
    EXPECT_OK(t, sink.begin(t, sink.state, NULL, 0));
    EXPECT_OK(t, sink.bytes(t, sink.state, STR("12345")));
    EXPECT_OK(t, sink.bytes(t, sink.state, STR("678")));
    EXPECT_STR(buf_str(b), "12345678");
    EXPECT_FAIL(t, ERR_LIMIT, sink.bytes(t, sink.state, STR("9")));
    sink.abort(t, sink.state);
    EXPECT_INT(t->err.code, ERR_LIMIT);
    EXPECT_OK(t, sink.end(t, sink.state, 1));
}
