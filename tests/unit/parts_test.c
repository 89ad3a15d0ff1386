#include "parts/parts.h"

#include "buf/buf.h"
#include "test.h"

enum { ATOMS_MAX = 400 };

static const struct part_limits limits = {.rows_most = 1000, .rows_least = 250, .files_most = 200};

/* Atoms written as words: `300` rows, `|300` where a file began before, `=300` of one value. The files come out as their rows. */
static str choose(struct task *t, const char *text)
{
    struct part_atom atoms[ATOMS_MAX] = {0};
    bool begins[ATOMS_MAX];
    size_t len = 0;
    str rest = str_of(text), word;
    struct buf *b = buf_new(t->mem, 4096);

    while (rest.len) {
        uint64_t rows;
        (void)str_cut(rest, ' ', &word, &rest);
        atoms[len].is_cut = str_has(word, '|');
        atoms[len].is_value = str_has(word, '=');
        word = str_from(word, (size_t)(atoms[len].is_cut + atoms[len].is_value));
        CHECK(len < ATOMS_MAX && str_to_u64(word, &rows));
        atoms[len++].rows = rows;
    }
    size_t count = parts_choose(atoms, len, &limits, begins);
    uint64_t rows = 0;
    for (size_t i = 0; i < len; i++) {
        if (begins[i]) {
            CHECK(count-- > 0);
            if (i)
                buf_format(b, "%llu ", (unsigned long long)rows);
            rows = 0;
        }
        rows += atoms[i].rows;
    }
    CHECK(count == 0);
    buf_format(b, "%llu", (unsigned long long)rows);
    return buf_str(b);
}

TEST(parts_of_a_new_table_are_filled_to_three_quarters)
{
    struct task *t = test_task();
    EXPECT_STR(choose(t, "1000"), "1000");
    EXPECT_STR(choose(t, "500 500"), "1000");
    EXPECT_STR(choose(t, "250 250 250 250 1"), "750 251");
    EXPECT_STR(choose(t, "250 250 250 249"), "999");
    EXPECT_STR(choose(t, "250 250 250 250 250 250 250 250"), "750 750 500");
    /* What would be too small alone stays with the last. */
    EXPECT_STR(choose(t, "250 250 250 250 249 1 249 1 0 200"), "750 950");
}

TEST(parts_keep_their_boundaries)
{
    struct task *t = test_task();
    EXPECT_STR(choose(t, "0 |700 |800 |300"), "700 800 300");
    EXPECT_STR(choose(t, "5 |700 |1000 |250"), "705 1000 250");
    /* One that has grown is split, and no other one. */
    EXPECT_STR(choose(t, "0 |700 |500 250 251 |900"), "700 750 251 900");
    /* One that has shrunk joins the smaller of its neighbours, if both fit into one. */
    EXPECT_STR(choose(t, "0 |700 |249 |600"), "700 849");
    EXPECT_STR(choose(t, "0 |700 |10 |995"), "710 995");
    EXPECT_STR(choose(t, "0 |995 |10 |995"), "995 10 995");
    EXPECT_STR(choose(t, "0 |10 |20 |30 |995 |0"), "60 995");
}

TEST(parts_of_one_value_are_left_alone)
{
    struct task *t = test_task();
    EXPECT_STR(choose(t, "0 =300 0 =260 0 =900 0"), "300 260 900");
    /* Few others between them do not spoil them. */
    EXPECT_STR(choose(t, "3 =300 2 =260 1 =900 4"), "3 300 2 260 1 900 4");
    /* Values that are too rare for a file share one. */
    EXPECT_STR(choose(t, "0 100 100 20 =300 0 50 60"), "220 300 110");
    /* One that is too large is for the next column of the key. */
    EXPECT_STR(choose(t, "0 =3000 0 =300 0"), "3000 300");
}

TEST(parts_stay_few_over_many_releases)
{
    struct part_atom atoms[ATOMS_MAX] = {0};
    bool begins[ATOMS_MAX];
    /* Each file has lost all rows but a few. */
    for (size_t i = 0; i < 200; i++)
        atoms[i] = (struct part_atom){.rows = i % 7, .is_cut = true};
    EXPECT(parts_choose(atoms, 200, &limits, begins) <= 3);
    /* Neighbours that fit into one file are one, once the one of them is small. */
    for (size_t i = 0; i < 200; i++)
        atoms[i] = (struct part_atom){.rows = i % 2 ? 240 : 990, .is_cut = true};
    EXPECT_INT(parts_choose(atoms, 200, &limits, begins), 200);
    for (size_t i = 0; i < 200; i++)
        atoms[i] = (struct part_atom){.rows = i % 2 ? 240 : 260, .is_cut = true};
    EXPECT(parts_choose(atoms, 200, &limits, begins) <= 100);
}

TEST(part_limits_count_rows_and_bytes)
{
    struct part_limits found = part_limits(5000000, 50000000, 1000000, 256 << 20, 200);
    EXPECT_INT(found.rows_most, 1000000);
    EXPECT_INT(found.rows_least, 250000);
    found = part_limits(5000000, (uint64_t)5000000 * 1000, 1000000, 256 << 20, 200);
    EXPECT_INT(found.rows_most, 250000);
    found = part_limits(1, (uint64_t)1 << 50, 1000000, 256 << 20, 200);
    EXPECT(found.rows_most >= 4 && found.rows_least >= 1);
    found = part_limits(0, 0, 1000000, 256 << 20, 200);
    EXPECT_INT(found.rows_most, 1000000);
}

static struct job_columns make_columns(struct task *t, const char *const (*pairs)[2], size_t len)
{
    struct job_columns columns = {0};
    for (size_t i = 0; i < len; i++)
        vec_push(t->mem, &columns,
                 ((struct job_column){.name = str_of(pairs[i][0]),
                                      .type = str_of(pairs[i][1]),
                                      .id = (uint32_t)i + 1}));
    return columns;
}

/* A row of answers: numbers, `[...]` lists of numbers or texts, parted by spaces. */
static struct tree *make_row(struct task *t, const char *text)
{
    struct tree *row = tree_new(t->mem, TREE_LIST), *list = NULL;
    str rest = str_of(text), word;
    while (rest.len) {
        (void)str_cut(rest, ' ', &word, &rest);
        if (str_eq(word, STR("["))) {
            list = tree_new(t->mem, TREE_LIST);
            tree_push(t->mem, row, list);
        } else if (str_eq(word, STR("]"))) {
            list = NULL;
        } else {
            struct tree *cell = tree_new(t->mem, TREE_SCALAR);
            cell->text = word;
            tree_push(t->mem, list ? list : row, cell);
        }
    }
    return row;
}

static const char *const by_country[][2] = {
    {"id", "BIGINT"}, {"country", "VARCHAR"}, {"amount", "DOUBLE"}};

TEST(parts_without_a_key_are_cut_by_number)
{
    struct task *t = test_task();
    struct job_columns columns = make_columns(t, by_country, 3), none = {0};
    struct parts *parts = parts_new(t->mem, &columns, &none, 2250, &limits, NULL, 0);
    size_t len;
    str text;
    EXPECT(!parts_next(parts, &text));
    const struct part *list = parts_list(parts, &len);
    REQUIRE(len == 3);
    EXPECT_INT(list[0].rows, 750);
    EXPECT_INT(list[2].rows, 750);
    EXPECT_STR(
        parts_file_sql(parts, &list[1]),
        "SELECT \"id\", \"country\", \"amount\" FROM source WHERE file_row_number >= 750 AND "
        "file_row_number < 1500 ORDER BY file_row_number");
    EXPECT_STR(parts_file_sql(parts, &list[2]),
               "SELECT \"id\", \"country\", \"amount\" FROM source WHERE file_row_number >= 1500 "
               "ORDER BY file_row_number");
}

TEST(parts_of_a_large_value_go_by_the_next_column)
{
    struct task *t = test_task();
    struct job_columns columns = make_columns(t, by_country, 3), key = {0};
    size_t len;
    str text;
    vec_push(t->mem, &key, columns.at[1]);
    vec_push(t->mem, &key, columns.at[0]);
    struct part_fact previous[] = {
        {.has_range = true, .low = STR("AT"), .high = STR("AT")},
        {.has_range = true, .low = STR("1"), .high = STR("9")},
        {.has_range = true, .low = STR("it's"), .high = STR("it's")},
        {.has_range = true, .low = STR("2"), .high = STR("40")},
        {.has_range = true, .low = STR("it's"), .high = STR("it's")},
        {.has_range = true, .low = STR("41"), .high = STR("90")},
    };
    struct parts *parts = parts_new(t->mem, &columns, &key, 2000, &limits, previous, 3);
    REQUIRE(parts_next(parts, &text));
    EXPECT(str_find(text, STR("(VALUES ('it''s')) AS hints(hint)")) < text.len);
    /* 400 AT, 1500 it's, 100 null. */
    REQUIRE(parts_take(parts, make_row(t, "2000 1900 [ AT it's ] [ 400 1500 ] [ 400 1500 100 ]")));
    REQUIRE(parts_next(parts, &text));
    EXPECT(str_find(text, STR("WHERE \"country\" = CAST('it''s' AS VARCHAR)")) < text.len);
    EXPECT(str_find(text, STR("(VALUES ('41')) AS hints(hint)")) < text.len);
    REQUIRE(
        parts_take(parts, make_row(t, "1500 1500 [ 2 41 60 ] [ 1 700 400 399 ] [ 1 1 1 1497 ]")));
    EXPECT(!parts_next(parts, &text));
    const struct part *list = parts_list(parts, &len);
    REQUIRE(len == 4);
    EXPECT_STR(
        parts_file_sql(parts, &list[0]),
        "SELECT \"id\", \"country\", \"amount\" FROM source WHERE \"country\" < CAST('it''s' AS "
        "VARCHAR) ORDER BY \"country\" NULLS LAST, \"id\" NULLS LAST, file_row_number");
    EXPECT_INT(list[1].rows, 700);
    EXPECT_INT(list[2].rows, 800);
    EXPECT_STR(
        parts_file_sql(parts, &list[2]),
        "SELECT \"id\", \"country\", \"amount\" FROM source WHERE \"country\" = CAST('it''s' AS "
        "VARCHAR) AND \"id\" >= CAST('41' AS BIGINT) ORDER BY \"country\" NULLS LAST, \"id\" "
        "NULLS LAST, file_row_number");
    EXPECT_INT(list[3].rows, 100);
    EXPECT(str_find(parts_file_sql(parts, &list[3]),
                    STR("WHERE (\"country\" > CAST('it''s' AS VARCHAR) "
                        "OR \"country\" IS NULL)"))
           < 200);
}

TEST(parts_refuse_an_answer_that_does_not_add_up)
{
    struct task *t = test_task();
    struct job_columns columns = make_columns(t, by_country, 3), key = {0};
    static const char *const answers[] = {
        "1999 1999 [ a ] [ 1 1998 ] [ 1 1998 ]",
        "2000 2001 [ a ] [ 1 1999 ] [ 1 1999 ]",
        "2000 2000 [ a ] [ 2001 ] [ 1 ]",
        "2000 2000 [ a ] [ 1 1999 ] [ 2 1998 ]",
        "2000 2000 [ a b ] [ 1 5 1994 ] [ 1 6 1 ]",
        "2000 2000 [ a ] [ -1 1999 ] [ 1 1999 ]",
        "2000 2000 a [ 1 1999 ] [ 1 1999 ]",
        "2000 2000 [ a ] [ 1 1999 ]",
        "2000",
    };
    vec_push(t->mem, &key, columns.at[1]);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct parts *parts = parts_new(t->mem, &columns, &key, 2000, &limits, NULL, 0);
        str text;
        REQUIRE(parts_next(parts, &text));
        EXPECT(!parts_take(parts, make_row(t, answers[i])));
    }
}
