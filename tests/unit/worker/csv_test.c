/* The reader of plain CSV beside the engine's own: where it says something of a file, both say the same. */
#include <duckdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf/buf.h"
#include "test.h"
#include "worker_csv.h"

#define NAMES "['i', 'b', 'd', 'x', 'f', 'o', 't', 's']"
#define TYPES                                                                                      \
    "['INTEGER', 'UBIGINT', 'DECIMAL(12,2)', 'DOUBLE', 'BOOLEAN', 'DATE', 'TIMESTAMP', 'VARCHAR']"
#define COLUMNS                                                                                    \
    "{'i': 'INTEGER', 'b': 'UBIGINT', 'd': 'DECIMAL(12,2)', 'x': 'DOUBLE', 'f': 'BOOLEAN', "       \
    "'o': 'DATE', 't': 'TIMESTAMP', 's': 'VARCHAR'}"
#define HEADER "i,b,d,x,f,o,t,s"

struct bench {
    struct task *t;
    duckdb_database database;
    duckdb_connection con;
    char path[64];
};

static void bench_close(void *state)
{
    struct bench *b = state;
    duckdb_disconnect(&b->con);
    duckdb_close(&b->database);
    (void)unlink(b->path);
}

static struct bench *bench_open(void)
{
    struct task *t = test_task();
    struct bench *b = ARENA_NEW(t->mem, struct bench);
    int fd;
    b->t = t;
    snprintf(b->path, sizeof b->path, "/tmp/weft-csv-XXXXXX");
    fd = mkstemp(b->path);
    if (fd < 0 || duckdb_open(NULL, &b->database) != DuckDBSuccess
        || duckdb_connect(b->database, &b->con) != DuckDBSuccess)
        return NULL;
    close(fd);
    arena_defer(t->mem, bench_close, b);
    return duckdb_query(b->con, "SET threads = 3", NULL) == DuckDBSuccess && worker_csv_open(b->con)
             ? b
             : NULL;
}

static void write_text(const struct bench *b, str text)
{
    FILE *file = fopen(b->path, "wb");
    CHECK(file != NULL);
    CHECK(text.len == 0 || fwrite(text.ptr, 1, text.len, file) == text.len);
    CHECK(fclose(file) == 0);
}

static bool count(const struct bench *b, str sql, int64_t *out)
{
    duckdb_result result;
    bool ok = duckdb_query(b->con, arena_c_string(b->t->mem, sql), &result) == DuckDBSuccess;
    if (ok)
        *out = duckdb_value_int64(&result, 0, 0);
    duckdb_destroy_result(&result);
    return ok;
}

static str quick(const struct bench *b)
{
    return arena_format(b->t->mem, "weft_csv(['%s'], ',', " NAMES ", " TYPES ")", b->path);
}

static str exact(const struct bench *b)
{
    return arena_format(b->t->mem,
                        "read_csv(['%s'], auto_detect = false, columns = " COLUMNS
                        ", header = true, quote = '\"', escape = '\"', strict_mode = true, "
                        "allow_quoted_nulls = false, delim = ',')",
                        b->path);
}

/* Rows that one of the two has and the other has not; -1: the file is odd; -2: the engine's reader refuses it. */
static int64_t differ(const struct bench *b)
{
    int64_t rows, other, found;
    str fast = quick(b), slow = exact(b);
    if (!count(b, arena_format(b->t->mem, "SELECT count(COLUMNS(*)) FROM %.*s", STR_ARG(fast)),
               &found))
        return -1;
    if (!count(b, arena_format(b->t->mem, "SELECT count(*) FROM %.*s", STR_ARG(fast)), &rows)
        || !count(b, arena_format(b->t->mem, "SELECT count(*) FROM %.*s", STR_ARG(slow)), &other)
        || !count(b,
                  arena_format(b->t->mem,
                               "SELECT (SELECT count(*) FROM (FROM %.*s EXCEPT ALL FROM %.*s)) + "
                               "(SELECT count(*) FROM (FROM %.*s EXCEPT ALL FROM %.*s))",
                               STR_ARG(fast), STR_ARG(slow), STR_ARG(slow), STR_ARG(fast)),
                  &found))
        return -2;
    return found + (rows > other ? rows - other : other - rows);
}

struct dice {
    uint64_t state;
};

static size_t throw(struct dice * d, size_t sides)
{
    d->state = d->state * 6364136223846793005ull + 1442695040888963407ull;
    return (size_t)(d->state >> 33) % sides;
}

/* Of each column mostly plain values; one of some hundred is of another kind. */
static const char *const plain[8][8] = {
    {"0", "-1", "007", "2147483647", "-2147483648", "", "\"12\"", "-0"},
    {"0", "18446744073709551", "9999999999999999999", "", "1", "\"7\"", "42", "0000"},
    {"0", "-0.01", "1.5", "9999999999.99", "-9999999999.99", "12", "", "\"3.10\""},
    {"0", "-0", "0.1", "1e-05", "123456789012345678901234567890.5", "1.7976931348623157e308", "",
     "2.2250738585072014E-308"},
    {"true", "false", "", "true", "false", "\"true\"", "false", "true"},
    {"2024-02-29", "1970-01-01", "0001-01-01", "9999-12-31", "", "2000-02-29", "1900-02-28",
     "\"2023-10-05\""},
    {"2024-02-29 23:59:59.999999", "1969-12-31T23:59:59.5", "0001-01-01 00:00:00", "",
     "2001-01-01 12:00:00.000001", "9999-12-31 23:59:59", "\"2020-01-01 00:00:00\"",
     "1970-01-01 00:00:00"},
    {"a", "", "\"\"", "\"a,b\"", "\"two\nlines\"", "\"he said \"\"hi\"\"\"",
     "\xc3\xb6 \xf0\x9f\x98\x80 and more", " spaces\taround what is long "},
};
static const char *const odd[] = {"1.7",
                                  "1e3",
                                  "+5",
                                  " 5",
                                  "5 ",
                                  "0x1F",
                                  "2147483648",
                                  "1_000",
                                  "NaN",
                                  "inf",
                                  "yes",
                                  "2023-02-29",
                                  "2024-1-5",
                                  "24:00:00",
                                  "x\"y",
                                  "\"x\"y",
                                  "NULL",
                                  "1.005",
                                  "\xff",
                                  "\xed\xa0\x80",
                                  "TRUE",
                                  "t",
                                  "2024-02-29 24:00:00",
                                  "2024-02-29 10:00:00+02",
                                  "12:00",
                                  "-",
                                  ".",
                                  "1.",
                                  ".5",
                                  "\"",
                                  "a\rb",
                                  "12/45",
                                  "12:45",
                                  "1234567:",
                                  "12345678901234567890",
                                  "20:0-01-01",
                                  "2000-/1-01",
                                  "2000-01-3:",
                                  "2000001-01",
                                  "1234567.1:",
                                  "12345678912.12"};

static str make_file(struct arena *mem, struct dice *d, bool is_crlf, size_t lines, size_t odds)
{
    struct buf *b = buf_new(mem, 1 << 24);
    buf_add(b, STR(HEADER));
    for (size_t i = 0; i < lines; i++) {
        buf_add(b, is_crlf ? STR("\r\n") : STR("\n"));
        for (size_t j = 0; j < 8; j++) {
            bool is_odd = odds && throw(d, odds) == 0;
            buf_add(b, j ? STR(",") : STR(""));
            buf_add(b, str_of(is_odd ? odd[throw(d, sizeof odd / sizeof *odd)]
                                     : plain[j][throw(d, 8)]));
        }
        if (odds && throw(d, odds * 8) == 0)
            buf_add(b, STR(","));
    }
    if (throw(d, 2))
        buf_add(b, is_crlf ? STR("\r\n") : STR("\n"));
    return buf_str(b);
}

TEST(csv_says_nothing_or_what_the_engine_says)
{
    struct bench *b = bench_open();
    struct dice dice = {7};
    size_t same = 0, said_nothing = 0;
    REQUIRE(b);
    for (size_t i = 0; i < 400; i++) {
        struct arena_mark mark = arena_mark(b->t->mem);
        str text =
            make_file(b->t->mem, &dice, throw(&dice, 3) == 0, 1 + throw(&dice, 6), i % 3 ? 40 : 0);
        write_text(b, text);
        int64_t found = differ(b);
        same += found == 0;
        said_nothing += found == -1;
        if (!test_expect(found == 0 || found == -1, "the same", __FILE__, __LINE__))
            printf("  found %lld: in\n%.*s\n", (long long)found, STR_ARG(text));
        arena_rewind(b->t->mem, mark);
    }
    EXPECT(same > 150);
    EXPECT(said_nothing > 50);
}

TEST(csv_reads_files_of_many_blocks)
{
    struct bench *b = bench_open();
    struct dice dice = {11};
    REQUIRE(b);
    for (size_t i = 0; i < 3; i++) {
        struct arena_mark mark = arena_mark(b->t->mem);
        write_text(b, make_file(b->t->mem, &dice, i == 1, 60000, 0));
        EXPECT_INT(differ(b), 0);
        arena_rewind(b->t->mem, mark);
    }
}

TEST(csv_says_nothing_of_lines_that_are_odd)
{
    static const char *const lines[] = {
        "", /* no line at all is no file without rows */
        "1,2,3.00,4,true,2024-01-01,2024-01-01 00:00:00", /* one too few */
        "1,2,3.00,4,true,2024-01-01,2024-01-01 00:00:00,a,b",
        "\n1,2,3.00,4,true,2024-01-01,2024-01-01 00:00:00,a",
        "1,2,3.00,4,true,2024-01-01,2024-01-01 00:00:00,\"a",
        "1,2,3.00,4,true,2024-01-01,2024-01-01 00:00:00,a\r",
        "1,2,3.00,4,true,2024-01-01,2024-01-01 00:00:00,a\r\n1,2,3.00,4,true,2024-01-01,2024-01-01 "
        "00:00:00,a",
    };
    struct bench *b = bench_open();
    REQUIRE(b);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        write_text(b, arena_format(b->t->mem, HEADER "\n%s\n", lines[i]));
        EXPECT_INT(differ(b), -1);
    }
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        if (strcmp(odd[i], "\"") == 0) /* with the next one it makes a text */
            continue;
        write_text(b, arena_format(b->t->mem,
                                   HEADER "\n%s,2,3.00,4,true,2024-01-01,2024-01-01 00:00:00,a\n",
                                   odd[i]));
        if (!test_expect(differ(b) == -1, odd[i], __FILE__, __LINE__))
            printf("  is read\n");
    }
    write_text(b, STR("i,b\n"));
    EXPECT_INT(differ(b), -1);
    write_text(b, STR_NONE);
    EXPECT_INT(differ(b), -1);
    write_text(b, STR(HEADER));
    EXPECT_INT(differ(b), 0);
    write_text(b, (str){HEADER "\n1,2,3.00,4,true,2024-01-01,2024-01-01 00:00:00,a\0b\n",
                        sizeof(HEADER) + 52});
    EXPECT_INT(differ(b), -1);
}

/* A release has its rows in the order of the file, whatever reads it. */
TEST(csv_keeps_the_order_of_lines_where_order_is_kept)
{
    struct bench *b = bench_open();
    int64_t disorder = -1;
    REQUIRE(b);
    struct buf *text = buf_new(b->t->mem, 1 << 23);
    buf_add(text, STR("i,s\n"));
    for (size_t i = 0; i < 300000; i++)
        buf_format(text, "%zu,some text\n", i);
    write_text(b, buf_str(text));
    str copy =
        arena_format(b->t->mem,
                     "COPY (FROM weft_csv(['%s'], ',', ['i', 's'], ['INTEGER', 'VARCHAR'])) TO "
                     "'%s.parquet' (FORMAT parquet)",
                     b->path, b->path);
    EXPECT(duckdb_query(b->con, arena_c_string(b->t->mem, copy), NULL) == DuckDBSuccess);
    EXPECT(count(
        b,
        arena_format(b->t->mem,
                     "SELECT count(*) FILTER (WHERE i <> file_row_number) + 300000 - count(*) FROM "
                     "read_parquet('%s.parquet', file_row_number = true)",
                     b->path),
        &disorder));
    EXPECT_INT(disorder, 0);
    (void)unlink(arena_format(b->t->mem, "%s.parquet", b->path).ptr);
}
