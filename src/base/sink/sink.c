#include "sink/sink.h"

#include "buf/buf.h"

static const char *const names[ROW_FORMAT_COUNT] = {
    [ROW_FORMAT_ROWS] = "rows",
    [ROW_FORMAT_JSON] = "json",
    [ROW_FORMAT_NDJSON] = "ndjson",
    [ROW_FORMAT_CSV] = "csv",
};

const char *row_format_name(enum row_format format)
{
    CHECK((unsigned)format < ROW_FORMAT_COUNT);
    return names[format];
}

bool row_format_by_name(str name, enum row_format *out)
{
    for (int i = 0; i < ROW_FORMAT_COUNT; i++) {
        if (str_eq(name, str_of(names[i]))) {
            *out = (enum row_format)i;
            return true;
        }
    }
    return false;
}

static bool begin(struct task *t, void *state, const struct row_column *columns, size_t len)
{
    (void)t;
    (void)state;
    (void)columns;
    (void)len;
    return true;
}

static bool bytes(struct task *t, void *state, str text)
{
    struct buf *b = state;
    if (buf_add(b, text))
        return true;
    task_fail(t, ERR_LIMIT, "the answer passes %zu bytes", b->most);
    return task_hint(t, "ask for fewer rows or columns");
}

static bool end(struct task *t, void *state, uint64_t rows)
{
    (void)t;
    (void)state;
    (void)rows;
    return true;
}

static void drop(struct task *t, void *state)
{
    (void)t;
    (void)state;
}

struct row_sink row_sink_to_buf(struct buf *b)
{
    return (struct row_sink){.state = b, .begin = begin, .bytes = bytes, .end = end, .abort = drop};
}
