#include "encode/encode.h"

#include <math.h>
#include <string.h>

#include "limits/limits.h"
#include "test.h"

enum { OUT_BYTES_MAX = 1 << 20 };

static str json_of(struct task *t, const struct batch_vector *vector, uint64_t row)
{
    struct buf *out = buf_new(t->mem, OUT_BYTES_MAX);
    encode_json(out, vector, row);
    return buf_str(out);
}

static str text_of(struct task *t, const struct batch_vector *vector, uint64_t row)
{
    struct buf *out = buf_new(t->mem, OUT_BYTES_MAX);
    encode_text(out, vector, row);
    return buf_str(out);
}

static struct batch_vector vector_of(enum batch_type type, const void *values, uint64_t len)
{
    return (struct batch_vector){.type = type, .values = values, .len = len};
}

static str json_of_text(struct task *t, enum batch_type type, str text)
{
    struct batch_text *value = ARENA_NEW(t->mem, struct batch_text);
    *value = batch_text_of(text);
    struct batch_vector vector = vector_of(type, value, 1);
    return json_of(t, &vector, 0);
}

static str json_of_i64(struct task *t, enum batch_type type, int64_t value)
{
    struct batch_vector vector = vector_of(type, &value, 1);
    return json_of(t, &vector, 0);
}

static str json_of_f64(struct task *t, double value)
{
    struct batch_vector vector = vector_of(BATCH_F64, &value, 1);
    return json_of(t, &vector, 0);
}

static str json_of_f32(struct task *t, float value)
{
    struct batch_vector vector = vector_of(BATCH_F32, &value, 1);
    return json_of(t, &vector, 0);
}

static str json_of_wide(struct task *t, enum batch_type type, uint64_t upper, uint64_t lower,
                        uint8_t scale)
{
    struct batch_wide value = {lower, upper};
    struct batch_vector vector = vector_of(type, &value, 1);
    vector.width = 16;
    vector.scale = scale;
    return json_of(t, &vector, 0);
}

TEST(encode_whole_numbers_with_all_digits)
{
    struct task *t = test_task();
    uint8_t small = 200;
    int16_t negative = -32768;
    struct batch_vector bytes = vector_of(BATCH_U8, &small, 1);
    struct batch_vector shorts = vector_of(BATCH_I16, &negative, 1);
    EXPECT_STR(json_of(t, &bytes, 0), "200");
    EXPECT_STR(json_of(t, &shorts, 0), "-32768");
    EXPECT_STR(json_of_i64(t, BATCH_I64, 0), "0");
    EXPECT_STR(json_of_i64(t, BATCH_I64, INT64_MIN), "-9223372036854775808");
    EXPECT_STR(json_of_i64(t, BATCH_U64, -1), "18446744073709551615");
    EXPECT_STR(json_of_i64(t, BATCH_I64, 9007199254740993), "9007199254740993");
    EXPECT_STR(json_of_wide(t, BATCH_I128, (uint64_t)1 << 63, 0, 0),
               "-170141183460469231731687303715884105728");
    EXPECT_STR(json_of_wide(t, BATCH_U128, UINT64_MAX, UINT64_MAX, 0),
               "340282366920938463463374607431768211455");
    EXPECT_STR(json_of_wide(t, BATCH_I128, 0, 10000000000000000000u, 0), "10000000000000000000");
    EXPECT_STR(json_of_wide(t, BATCH_I128, 1, 0, 0), "18446744073709551616");
}

TEST(encode_decimals_exactly)
{
    struct task *t = test_task();
    int32_t cents = -5;
    struct batch_vector vector = vector_of(BATCH_DECIMAL, &cents, 1);
    vector.width = 4;
    vector.scale = 2;
    EXPECT_STR(json_of(t, &vector, 0), "-0.05");
    EXPECT_STR(text_of(t, &vector, 0), "-0.05");
    vector.scale = 0;
    EXPECT_STR(json_of(t, &vector, 0), "-5");
    EXPECT_STR(json_of_wide(t, BATCH_DECIMAL, 0, 123456, 3), "123.456");
    EXPECT_STR(json_of_wide(t, BATCH_DECIMAL, 0, 1, 38),
               "0.00000000000000000000000000000000000001");
}

TEST(encode_floats_as_short_as_they_read_back)
{
    struct task *t = test_task();
    EXPECT_STR(json_of_f64(t, 0.1), "0.1");
    EXPECT_STR(json_of_f64(t, 100), "100.0");
    EXPECT_STR(json_of_f64(t, -0.0), "-0.0");
    EXPECT_STR(json_of_f64(t, 1.0 / 3), "0.3333333333333333");
    EXPECT_STR(json_of_f64(t, 0.1 + 0.2), "0.30000000000000004");
    EXPECT_STR(json_of_f64(t, 123456.789), "123456.789");
    EXPECT_STR(json_of_f64(t, 1e15), "1000000000000000.0");
    EXPECT_STR(json_of_f64(t, 1e16), "1e+16");
    EXPECT_STR(json_of_f64(t, 2.5e-5), "2.5e-05");
    EXPECT_STR(json_of_f64(t, 0.000123), "0.000123");
    EXPECT_STR(json_of_f64(t, 5e-324), "5e-324");
    EXPECT_STR(json_of_f64(t, 1.7976931348623157e308), "1.7976931348623157e+308");
    EXPECT_STR(json_of_f32(t, 0.1f), "0.1");
    EXPECT_STR(json_of_f32(t, 16777216.0f), "16777216.0");
    EXPECT_STR(json_of_f32(t, 3.4e38f), "3.4e+38");
}

TEST(encode_floats_that_json_has_not_as_texts)
{
    struct task *t = test_task();
    double values[] = {(double)NAN, (double)INFINITY, (double)-INFINITY};
    struct batch_vector vector = vector_of(BATCH_F64, values, 3);
    EXPECT_STR(json_of(t, &vector, 0), "\"NaN\"");
    EXPECT_STR(json_of(t, &vector, 1), "\"Infinity\"");
    EXPECT_STR(json_of(t, &vector, 2), "\"-Infinity\"");
    EXPECT_STR(text_of(t, &vector, 2), "-Infinity");
}

TEST(encode_integers_of_any_length)
{
    struct task *t = test_task();
    EXPECT_STR(json_of_text(t, BATCH_BIGNUM, STR("\x80\x00\x01\x7b")), "123");
    EXPECT_STR(json_of_text(t, BATCH_BIGNUM, STR("\x7f\xff\xfe\x84")), "-123");
    EXPECT_STR(json_of_text(t, BATCH_BIGNUM, STR("\x80\x00\x01\x00")), "0");
    EXPECT_STR(json_of_text(t, BATCH_BIGNUM, STR("\x80\x00\x04\x3b\x9a\xca\x00")), "1000000000");
    EXPECT_STR(
        json_of_text(t, BATCH_BIGNUM, STR("\x80\x00\x09\x01\x00\x00\x00\x00\x00\x00\x00\x00")),
        "18446744073709551616");
    EXPECT_STR(json_of_text(t, BATCH_BIGNUM, STR("\x80")), "0");
}

TEST(encode_texts_with_escapes)
{
    struct task *t = test_task();
    EXPECT_STR(json_of_text(t, BATCH_TEXT, STR("")), "\"\"");
    EXPECT_STR(json_of_text(t, BATCH_TEXT, STR("a\"b\\c\n\r\t\x01")),
               "\"a\\\"b\\\\c\\n\\r\\t\\u0001\"");
    EXPECT_STR(json_of_text(t, BATCH_TEXT, STR("longer than twelve \x7f bytes")),
               "\"longer than twelve \x7f bytes\"");
    EXPECT_STR(json_of_text(t, BATCH_TEXT, STR("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")),
               "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
    EXPECT_STR(json_of_text(t, BATCH_TEXT,
                            STR("a\xff"
                                "b\xc3")),
               "\"a\xef\xbf\xbd"
               "b\xef\xbf\xbd\"");
}

TEST(encode_every_byte_of_a_text_safely)
{
    struct task *t = test_task();
    for (int c = 0; c < 128; c++) {
        char text[24];
        memset(text, 'x', sizeof text);
        text[11] = (char)c;
        str json = json_of_text(t, BATCH_TEXT, (str){text, sizeof text});
        bool escaped = c < 0x20 || c == '"' || c == '\\';
        EXPECT((json.len > sizeof text + 2) == escaped);
    }
}

TEST(encode_bytes_and_bits)
{
    struct task *t = test_task();
    EXPECT_STR(json_of_text(t, BATCH_BLOB, STR("\x00\xab")), "\"\\\\x00ab\"");
    EXPECT_STR(json_of_text(t, BATCH_BIT, STR("\x04\x05")), "\"0101\"");
    EXPECT_STR(json_of_text(t, BATCH_BIT, STR("\x00\x80\x01")), "\"1000000000000001\"");
}

TEST(encode_json_columns_as_they_are)
{
    struct task *t = test_task();
    EXPECT_STR(json_of_text(t, BATCH_JSON, STR(" {\"a\" : [1, 2.5e3 ,\n null], \"b\":{} } ")),
               "{\"a\":[1,2.5e3,null],\"b\":{}}");
    EXPECT_STR(json_of_text(t, BATCH_JSON, STR("\"x\\u00e4\"")), "\"x\\u00e4\"");
    EXPECT_STR(json_of_text(t, BATCH_JSON, STR("-0.5")), "-0.5");
    EXPECT_STR(json_of_text(t, BATCH_JSON, STR("[[],[[]],{}]")), "[[],[[]],{}]");
}

TEST(encode_json_columns_that_are_none_as_texts)
{
    struct task *t = test_task();
    const char *const broken[] = {"",           "{",   "[1,]",    "{\"a\"}",     "{a:1}",
                                  "01",         "1 2", "nul",     "[1}",         "\"\x01\"",
                                  "+1",         "1.",  "\"\\x\"", "\"\\u12g4\"", "[1]]",
                                  "{\"a\":1,}", "NaN", "'a'",     "\"\xff\"",    "-"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        str json = json_of_text(t, BATCH_JSON, str_of(broken[i]));
        EXPECT(json.len >= 2 && json.ptr[0] == '"' && json.ptr[json.len - 1] == '"');
        EXPECT(!str_has(json, '\n'));
    }
    char deep[2000];
    memset(deep, '[', 1000);
    memset(deep + 1000, ']', 1000);
    EXPECT_INT(json_of_text(t, BATCH_JSON, (str){deep, sizeof deep}).ptr[0], '"');
}

TEST(encode_dates)
{
    struct task *t = test_task();
    int32_t days[] = {0, -1, 11016, 20779, -719528, INT32_MAX, -INT32_MAX, 2932897};
    struct batch_vector vector = vector_of(BATCH_DATE, days, 8);
    EXPECT_STR(json_of(t, &vector, 0), "\"1970-01-01\"");
    EXPECT_STR(text_of(t, &vector, 1), "1969-12-31");
    EXPECT_STR(text_of(t, &vector, 2), "2000-02-29");
    EXPECT_STR(text_of(t, &vector, 3), "2026-11-22");
    EXPECT_STR(text_of(t, &vector, 4), "0001-01-01 (BC)");
    EXPECT_STR(text_of(t, &vector, 5), "infinity");
    EXPECT_STR(text_of(t, &vector, 6), "-infinity");
    EXPECT_STR(text_of(t, &vector, 7), "10000-01-01");
}

TEST(encode_times)
{
    struct task *t = test_task();
    EXPECT_STR(json_of_i64(t, BATCH_TIME, 36000000000), "\"10:00:00\"");
    EXPECT_STR(json_of_i64(t, BATCH_TIME, 36000120000), "\"10:00:00.12\"");
    EXPECT_STR(json_of_i64(t, BATCH_TIME_NS, 1), "\"00:00:00.000000001\"");
    EXPECT_STR(json_of_i64(t, BATCH_TIMESTAMP, -1), "\"1969-12-31 23:59:59.999999\"");
    EXPECT_STR(json_of_i64(t, BATCH_TIMESTAMP_TZ, 1500000), "\"1970-01-01 00:00:01.5+00\"");
    EXPECT_STR(json_of_i64(t, BATCH_TIMESTAMP_S, 1), "\"1970-01-01 00:00:01\"");
    EXPECT_STR(json_of_i64(t, BATCH_TIMESTAMP_MS, 1001), "\"1970-01-01 00:00:01.001\"");
    EXPECT_STR(json_of_i64(t, BATCH_TIMESTAMP_NS, 1), "\"1970-01-01 00:00:00.000000001\"");
    EXPECT_STR(json_of_i64(t, BATCH_TIMESTAMP, INT64_MAX), "\"infinity\"");
    EXPECT_STR(json_of_i64(t, BATCH_TIMESTAMP_TZ, -INT64_MAX), "\"-infinity\"");
    EXPECT_STR(json_of_i64(t, BATCH_TIME_TZ, (36000000000 << 24) | (57599 - 7200)),
               "\"10:00:00+02\"");
    EXPECT_STR(json_of_i64(t, BATCH_TIME_TZ, (36000000000 << 24) | (57599 + 19800)),
               "\"10:00:00-05:30\"");
}

TEST(encode_intervals)
{
    struct task *t = test_task();
    struct batch_interval values[] = {
        {14, 3, 14706500000}, {0, 0, 0}, {-1, 0, 0}, {0, 0, -3600000000}, {0, 1, 0}};
    struct batch_vector vector = vector_of(BATCH_INTERVAL, values, 5);
    EXPECT_STR(text_of(t, &vector, 0), "1 year 2 months 3 days 04:05:06.5");
    EXPECT_STR(text_of(t, &vector, 1), "00:00:00");
    EXPECT_STR(text_of(t, &vector, 2), "-1 month");
    EXPECT_STR(text_of(t, &vector, 3), "-01:00:00");
    EXPECT_STR(text_of(t, &vector, 4), "1 day");
}

TEST(encode_uuids_and_enums)
{
    struct task *t = test_task();
    EXPECT_STR(json_of_wide(t, BATCH_UUID, 0x24bd6b5e11112222u, 0x3333444455556666u, 0),
               "\"a4bd6b5e-1111-2222-3333-444455556666\"");
    uint8_t indexes[] = {1, 9};
    str names[] = {STR("red"), STR("gr\"een")};
    struct batch_vector vector = vector_of(BATCH_ENUM, indexes, 2);
    vector.width = 1;
    vector.names = names;
    vector.name_count = 2;
    EXPECT_STR(json_of(t, &vector, 0), "\"gr\\\"een\"");
    EXPECT_STR(json_of(t, &vector, 1), "\"\"");
}

TEST(encode_nested_values)
{
    struct task *t = test_task();
    int32_t numbers[] = {1, 2, 3, 4};
    uint64_t valid = 0xd; /* all but the second */
    struct batch_vector child = vector_of(BATCH_I32, numbers, 4);
    child.valid = &valid;
    struct batch_span spans[] = {{0, 3}, {3, 0}};
    struct batch_vector list = vector_of(BATCH_LIST, spans, 2);
    list.children = &child;
    list.child_count = 1;
    EXPECT_STR(json_of(t, &list, 0), "[1,null,3]");
    EXPECT_STR(json_of(t, &list, 1), "[]");
    struct batch_vector array = vector_of(BATCH_ARRAY, NULL, 2);
    array.size = 2;
    array.children = &child;
    array.child_count = 1;
    EXPECT_STR(json_of(t, &array, 1), "[3,4]");
    str fields[] = {STR("a"), STR("b\"")};
    struct batch_vector parts[] = {child, list};
    struct batch_vector pair = vector_of(BATCH_STRUCT, NULL, 2);
    pair.children = parts;
    pair.child_count = 2;
    pair.names = fields;
    pair.name_count = 2;
    EXPECT_STR(json_of(t, &pair, 0), "{\"a\":1,\"b\\\"\":[1,null,3]}");
    str nameless[] = {STR(""), STR("")};
    pair.names = nameless;
    EXPECT_STR(json_of(t, &pair, 1), "[null,[]]");
}

TEST(encode_maps_and_unions)
{
    struct task *t = test_task();
    int32_t keys[] = {7, 8};
    struct batch_text texts[] = {batch_text_of(STR("x")), batch_text_of(STR("y"))};
    struct batch_span span = {0, 2};
    struct batch_vector parts[] = {vector_of(BATCH_I32, keys, 2), vector_of(BATCH_TEXT, texts, 2)};
    struct batch_vector map = vector_of(BATCH_MAP, &span, 1);
    map.children = parts;
    map.child_count = 2;
    EXPECT_STR(json_of(t, &map, 0), "{\"7\":\"x\",\"8\":\"y\"}");
    uint8_t tags[] = {1, 0, 5};
    str names[] = {STR("num"), STR("str")};
    struct batch_vector members[] = {vector_of(BATCH_U8, tags, 3), parts[0], parts[1]};
    struct batch_vector either = vector_of(BATCH_UNION, NULL, 3);
    either.children = members;
    either.child_count = 3;
    either.names = names;
    either.name_count = 2;
    EXPECT_STR(json_of(t, &either, 0), "{\"str\":\"x\"}");
    EXPECT_STR(json_of(t, &either, 1), "{\"num\":8}");
    EXPECT_STR(json_of(t, &either, 2), "null");
}

/* ---- whole answers */

static str answer(struct task *t, enum row_format format, const struct row_column *columns,
                  const struct batch *batch)
{
    struct buf *out = buf_new(t->mem, OUT_BYTES_MAX);
    struct encode *e = encode_new(t->mem, format, columns, batch->column_count);
    encode_begin(e, out);
    for (uint64_t row = 0; row < batch->rows;)
        encode_rows(e, batch, &row, out->len + 1, out);
    encode_end(e, out);
    return buf_str(out);
}

struct sample {
    int32_t numbers[2];
    struct batch_text texts[2];
    uint64_t valid;
    struct batch_vector vectors[2];
    struct row_column columns[2];
    struct batch batch;
};

static struct sample *make_sample(struct task *t, uint64_t rows)
{
    struct sample *s = ARENA_NEW(t->mem, struct sample);
    *s = (struct sample){
        .numbers = {1, 2},
        .texts = {batch_text_of(STR("a,\"b\"")), batch_text_of(STR(""))},
        .valid = 1,
        .columns = {{STR("id"), STR("INTEGER")}, {STR("na\"me"), STR("VARCHAR")}},
    };
    s->vectors[0] = vector_of(BATCH_I32, s->numbers, rows);
    s->vectors[0].valid = &s->valid;
    s->vectors[1] = vector_of(BATCH_TEXT, s->texts, rows);
    s->batch = (struct batch){s->vectors, 2, rows};
    return s;
}

TEST(encode_the_four_formats)
{
    struct task *t = test_task();
    struct sample *s = make_sample(t, 2);
    EXPECT_STR(answer(t, ROW_FORMAT_ROWS, s->columns, &s->batch),
               "{\"columns\":[{\"name\":\"id\",\"type\":\"INTEGER\"},"
               "{\"name\":\"na\\\"me\",\"type\":\"VARCHAR\"}]}\n"
               "[1,\"a,\\\"b\\\"\"]\n[null,\"\"]\n");
    EXPECT_STR(answer(t, ROW_FORMAT_JSON, s->columns, &s->batch),
               "{\"columns\":[{\"name\":\"id\",\"type\":\"INTEGER\"},"
               "{\"name\":\"na\\\"me\",\"type\":\"VARCHAR\"}],\"rows\":[\n"
               "[1,\"a,\\\"b\\\"\"],\n[null,\"\"]\n]}\n");
    EXPECT_STR(answer(t, ROW_FORMAT_NDJSON, s->columns, &s->batch),
               "{\"id\":1,\"na\\\"me\":\"a,\\\"b\\\"\"}\n{\"id\":null,\"na\\\"me\":\"\"}\n");
    EXPECT_STR(answer(t, ROW_FORMAT_CSV, s->columns, &s->batch),
               "id,\"na\"\"me\"\r\n1,\"a,\"\"b\"\"\"\r\n,\"\"\r\n");
}

TEST(encode_answers_without_rows)
{
    struct task *t = test_task();
    struct sample *s = make_sample(t, 0);
    EXPECT_STR(answer(t, ROW_FORMAT_NDJSON, s->columns, &s->batch), "");
    EXPECT_STR(answer(t, ROW_FORMAT_CSV, s->columns, &s->batch), "id,\"na\"\"me\"\r\n");
    str json = answer(t, ROW_FORMAT_JSON, s->columns, &s->batch);
    EXPECT(str_ends(json, STR(",\"rows\":[]}\n")));
}

TEST(encode_equal_names_apart)
{
    struct task *t = test_task();
    int32_t one = 1;
    struct batch_vector vectors[] = {vector_of(BATCH_I32, &one, 1), vector_of(BATCH_I32, &one, 1),
                                     vector_of(BATCH_I32, &one, 1), vector_of(BATCH_I32, &one, 1)};
    struct row_column columns[] = {{STR("a"), STR("INTEGER")},
                                   {STR("a"), STR("INTEGER")},
                                   {STR("a_1"), STR("INTEGER")},
                                   {STR("a"), STR("INTEGER")}};
    struct batch batch = {vectors, 4, 1};
    EXPECT_STR(answer(t, ROW_FORMAT_NDJSON, columns, &batch),
               "{\"a\":1,\"a_2\":1,\"a_1\":1,\"a_3\":1}\n");
}

TEST(encode_stops_at_the_ceiling)
{
    struct task *t = test_task();
    struct sample *s = make_sample(t, 2);
    struct buf *out = buf_new(t->mem, 10);
    struct encode *e = encode_new(t->mem, ROW_FORMAT_ROWS, s->columns, 2);
    uint64_t row = 0;
    encode_begin(e, out);
    EXPECT(out->full);
    encode_rows(e, &s->batch, &row, 100, out);
    EXPECT_INT(row, 0);
}
