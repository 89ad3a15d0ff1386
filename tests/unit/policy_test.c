/* Classes of decisions: what makes two copies one. What policies decide stands in tests/golden/policy. */
#include "buf/buf.h"
#include "limits/limits.h"
#include "policy/policy_inside.h"
#include "test.h"

static void add_column(struct task *t, struct decision *d, uint32_t id, const char *type,
                       enum mask_method mask)
{
    vec_push(t->mem, &d->columns,
             ((struct decision_column){
                 .id = id, .name = STR("c"), .type = str_of(type), .mask = {.method = mask}}));
}

static void add_filter(struct task *t, struct decision *d, uint32_t id, const char *literal)
{
    struct decision_filter *filter = vec_add(t->mem, &d->filters);
    filter->form = FILTER_VALUES;
    filter->column = (struct filter_column){.id = id, .name = STR("c"), .type = STR("VARCHAR")};
    vec_push(t->mem, &filter->values, str_of(literal));
}

static str class_of(struct task *t, const struct decision *d, const uint32_t *columns, size_t len)
{
    struct buf *b = buf_new(t->mem, 4096);
    policy_class(b, 1, d, columns, len);
    return buf_str(b);
}

static size_t class_of_most(struct task *t, const struct decision *d)
{
    static const uint32_t first[] = {1};
    struct buf *b = buf_new(t->mem, 64 << 20);
    policy_class(b, 1, d, first, 1);
    return b->full ? 0 : b->len;
}

static const uint32_t both[] = {1, 2};

TEST(class_ignores_order_and_repetition)
{
    struct task *t = test_task();
    struct decision a = {.allowed = true}, b = {.allowed = true};
    add_column(t, &a, 1, "INTEGER", MASK_NONE);
    add_column(t, &a, 2, "VARCHAR", MASK_NULL);
    add_filter(t, &a, 2, "x");
    add_filter(t, &a, 1, "y");
    add_column(t, &b, 2, "VARCHAR", MASK_NULL);
    add_column(t, &b, 1, "INTEGER", MASK_NONE);
    add_filter(t, &b, 1, "y");
    add_filter(t, &b, 2, "x");
    add_filter(t, &b, 1, "y");
    b.columns.at[0].name = STR("renamed");
    b.policy_version = 9;
    EXPECT_STR(class_of(t, &a, both, 2), class_of(t, &b, both, 2));
}

TEST(class_knows_only_the_columns_of_the_file)
{
    struct task *t = test_task();
    struct decision a = {.allowed = true}, b = {.allowed = true};
    add_column(t, &a, 1, "INTEGER", MASK_NONE);
    add_column(t, &b, 1, "INTEGER", MASK_NONE);
    add_column(t, &b, 2, "VARCHAR", MASK_NULL);
    EXPECT_STR(class_of(t, &a, both, 1), class_of(t, &b, both, 1));
    EXPECT(!str_eq(class_of(t, &a, both, 2), class_of(t, &b, both, 2)));
}

TEST(class_differs_by_all_that_differs_in_a_copy)
{
    struct task *t = test_task();
    struct decision base = {.allowed = true}, other;
    add_column(t, &base, 1, "INTEGER", MASK_NONE);
    add_filter(t, &base, 1, "a");
    str class = class_of(t, &base, both, 1);
    other = (struct decision){.allowed = true};
    add_column(t, &other, 1, "INTEGER", MASK_NULL);
    add_filter(t, &other, 1, "a");
    EXPECT(!str_eq(class, class_of(t, &other, both, 1)));
    other = (struct decision){.allowed = true};
    add_column(t, &other, 1, "BIGINT", MASK_NONE);
    add_filter(t, &other, 1, "a");
    EXPECT(!str_eq(class, class_of(t, &other, both, 1)));
    other = (struct decision){.allowed = true};
    add_column(t, &other, 1, "INTEGER", MASK_NONE);
    add_filter(t, &other, 1, "b");
    EXPECT(!str_eq(class, class_of(t, &other, both, 1)));
    other = (struct decision){.allowed = true};
    add_column(t, &other, 1, "INTEGER", MASK_NONE);
    EXPECT(!str_eq(class, class_of(t, &other, both, 1)));
    struct buf *b = buf_new(t->mem, 4096);
    policy_class(b, 2, &base, both, 1);
    EXPECT(!str_eq(class, buf_str(b)));
}

TEST(all_columns_are_shown_only_when_each_is)
{
    struct task *t = test_task();
    struct decision d = {.allowed = true};
    add_column(t, &d, 1, "INTEGER", MASK_NONE);
    EXPECT(policy_shows_all_columns(&d, both, 1));
    EXPECT(!policy_shows_all_columns(&d, both, 2));
    add_column(t, &d, 2, "INTEGER", MASK_NULL);
    EXPECT(!policy_shows_all_columns(&d, both, 2));
}

TEST(clearing_text_quotes_names_and_values)
{
    struct task *t = test_task();
    struct decision d = {.allowed = true};
    add_column(t, &d, 1, "VARCHAR", MASK_NONE);
    d.columns.at[0].name = STR("a\"b");
    add_filter(t, &d, 1, "it's");
    EXPECT_STR(policy_clearing_sql(t->mem, &d),
               "SELECT \"a\"\"b\" FROM source WHERE (\"c\" = 'it''s') ORDER BY file_row_number");
}

TEST(floats_are_compared_where_no_statistics_decide)
{
    struct task *t = test_task();
    struct decision d = {.allowed = true};
    add_column(t, &d, 1, "DOUBLE", MASK_NONE);
    add_filter(t, &d, 1, "1");
    d.filters.at[0].column.type = STR("DOUBLE");
    EXPECT_STR(policy_clearing_sql(t->mem, &d),
               "SELECT \"c\" FROM source WHERE (\"c\" = TRY_CAST('1' AS DOUBLE)) IS TRUE "
               "ORDER BY file_row_number");
}

/* Whatever is let through has room as SQL: policy_clearing_sql would stop the server otherwise. */
TEST(a_decision_is_too_long_before_its_sql_is)
{
    struct task *t = test_task();
    struct decision d = {.allowed = true};
    struct buf *quotes = buf_new(t->mem, 4096);
    for (size_t i = 0; i < 1000; i++)
        buf_add_byte(quotes, '\'');
    add_column(t, &d, 1, "VARCHAR", MASK_CONSTANT);
    d.columns.at[0].mask.value = buf_str(quotes);
    add_filter(t, &d, 1, "a");
    d.filters.at[0].column.type = STR("TIMESTAMP WITH TIME ZONE");
    while (!policy_is_too_long(t->mem, &d)) {
        for (size_t i = 0; i < 1000; i++)
            vec_push(t->mem, &d.filters.at[0].values, i % 20 ? STR("") : buf_str(quotes));
        if (d.filters.at[0].values.len > 1000000)
            break;
    }
    EXPECT(policy_is_too_long(t->mem, &d));
    EXPECT(policy_clearing_sql(t->mem, &d).len <= CLEARING_SQL_BYTES_MAX + (1 << 20));
    EXPECT(class_of_most(t, &d) > 0);
}
