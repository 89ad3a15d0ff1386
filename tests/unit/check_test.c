#include "check/check.h"

#include "check/check_inside.h"
#include "test.h"

TEST(check_numbers_are_rounded_to_the_side_that_is_asked_for)
{
    static const struct {
        const char *number;
        int64_t places;
        const char *down, *up;
    } cases[] = {
        {"1.5", 0, "1", "2"},
        {"-1.5", 0, "-2", "-1"},
        {"2", 0, "2", "2"},
        {"0", 2, "0.00", "0.00"},
        {"1.234", 2, "1.23", "1.24"},
        {"-1.234", 2, "-1.24", "-1.23"},
        {"9.99", 1, "9.9", "10.0"},
        {"0.001", 2, "0.00", "0.01"},
        {"1e3", 0, "1000", "1000"},
        {"1e-30", 0, "0", "1"},
        {"12345678901234567890.5", 0, "12345678901234567890", "12345678901234567891"},
    };
    struct task *t = test_task();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct contract_number number;
        EXPECT(contract_number_read(str_of(cases[i].number), &number));
        EXPECT_STR(check_number_round(t->mem, &number, cases[i].places, false), cases[i].down);
        EXPECT_STR(check_number_round(t->mem, &number, cases[i].places, true), cases[i].up);
    }
}

TEST(check_percent_is_exact_and_its_text_does_not_mislead)
{
    static const struct {
        uint64_t count, rows;
        const char *text;
    } cases[] = {
        {0, 0, "0"},
        {0, 5, "0"},
        {5, 5, "100"},
        {160, 5000, "3.2"},
        {1, 3, "33.33"},
        {2, 3, "66.67"},
        {1, 6000000, "0.00002"},
        {5999999, 6000000, "99.99998"},
        {1, 200, "0.5"},
        {UINT64_MAX, UINT64_MAX, "100"},
        {1, UINT64_MAX, "0"},
        {UINT64_MAX / 2, UINT64_MAX, "50"},
    };
    struct task *t = test_task();
    struct contract_number third = check_percent(t->mem, 1, 3, 5);
    struct contract_number bound;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EXPECT_STR(check_percent_text(t->mem, cases[i].count, cases[i].rows, NULL, 0),
                   cases[i].text);
    }
    REQUIRE(contract_number_read(STR("33.33333"), &bound));
    EXPECT(contract_number_compare(&third, &bound) > 0);
    REQUIRE(contract_number_read(STR("33.33334"), &bound));
    EXPECT(contract_number_compare(&third, &bound) < 0);
    REQUIRE(contract_number_read(STR("33.33"), &bound));
    EXPECT_STR(check_percent_text(t->mem, 1, 3, &bound, 1), "33.333");
}

TEST(check_counts_read_well)
{
    struct task *t = test_task();

    EXPECT_STR(check_count_text(t->mem, 0), "0");
    EXPECT_STR(check_count_text(t->mem, 999), "999");
    EXPECT_STR(check_count_text(t->mem, 1000), "1,000");
    EXPECT_STR(check_count_text(t->mem, 6000000), "6,000,000");
}

static enum verdict judge(struct task *t, enum rule_operator operator, const char * low,
                          const char *high, bool is_percent, int filled, int rows)
{
    struct contract_rule rule = {.kind = RULE_NULL_VALUES,
                                 .operator= operator,
                                 .low = str_of(low),
                                 .high = str_of(high),
                                 .is_percent = is_percent};
    struct job_columns columns = {0};
    struct contract_table table = {.name = STR("t")};
    struct check_plan plan;
    struct check_result *results;
    struct tree *row = tree_new(t->mem, TREE_LIST);
    int counts[] = {rows, filled};
    str error = STR_NONE;
    size_t len;

    vec_push(t->mem, &rule.columns, STR("c"));
    vec_push(t->mem, &columns, ((struct job_column){.name = STR("c"), .type = STR("INTEGER")}));
    vec_push(t->mem, &table.rules, rule);
    if (!check_compile(t->mem, &table, STR("t"), &columns, NULL, &plan) || plan.selects.len != 1) {
        return VERDICT_ERROR;
    }
    for (int i = 0; i < 2; i++) {
        struct tree *cell = tree_new(t->mem, TREE_SCALAR);
        cell->text = arena_format(t->mem, "%d", counts[i]);
        tree_push(t->mem, row, cell);
    }
    const struct tree *answer = row;
    check_judge(t->mem, &plan, &answer, &error, &results, &len);
    return results[0].verdict;
}

/* Each operator below, at and above its bounds: of 1,000 rows 9, 10, 11 are null, and 19, 20, 21. */
TEST(check_operators_hold_exactly_where_they_say)
{
    static const struct {
        enum rule_operator operator;
        const char *passes; /* for 9, 10, 11, 19, 20, 21 */
    } cases[] = {
        {RULE_IS, "-+----"},      {RULE_IS_NOT, "+-++++"},
        {RULE_GREATER, "--++++"}, {RULE_GREATER_OR_EQUAL, "-+++++"},
        {RULE_LESS, "+-----"},    {RULE_LESS_OR_EQUAL, "++----"},
        {RULE_BETWEEN, "--++--"}, {RULE_NOT_BETWEEN, "++--++"},
    };
    static const int nulls[] = {9, 10, 11, 19, 20, 21};
    struct task *t = test_task();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char rows[7] = "", shares[7] = "";
        for (size_t k = 0; k < 6; k++) {
            rows[k] = judge(t, cases[i].operator, "10", "20", false, 1000 - nulls[k], 1000)
                           == VERDICT_PASS
                        ? '+'
                        : '-';
            shares[k] =
                judge(t, cases[i].operator, "1.0", "2", true, 1000 - nulls[k], 1000) == VERDICT_PASS
                    ? '+'
                    : '-';
        }
        EXPECT_STR(rows, cases[i].passes);
        EXPECT_STR(shares, cases[i].passes);
    }
    EXPECT_INT(judge(t, RULE_LESS, "abc", "", false, 5, 5), VERDICT_ERROR);
    EXPECT_INT(judge(t, RULE_LESS, "1", "", false, 6, 5), VERDICT_ERROR);
}

static str fill(struct task *t, const char *query, const char *column, str *problem_out)
{
    str text;
    str value = *column ? check_identifier(t->mem, str_of(column)) : STR_NONE;

    return check_query(t->mem, str_of(query), STR("\"self\".\"a\"\"b\""), STR("a\"b"),
                       str_of(column), value, &text, problem_out)
             ? text
             : STR("problem");
}

TEST(check_query_fills_placeholders)
{
    static const struct {
        const char *query, *text;
    } cases[] = {
        {"SELECT 1;", "SELECT 1"},
        {"SELECT 1 ; ; -- {object}\n", "SELECT 1"},
        {"SELECT 1; SELECT 2", "SELECT 1; SELECT 2"},
        {"SELECT ';'", "SELECT ';'"},
        {"SELECT {a: 1}, {'object': 2}", "SELECT {a: 1}, {'object': 2}"},
        {"FROM {object} ${object} {table}${table}",
         "FROM \"self\".\"a\"\"b\" \"self\".\"a\"\"b\" \"self\".\"a\"\"b\"\"self\".\"a\"\"b\""},
        {"\"{object}\" \"{object}x\" '{object}'", "\"self\".\"a\"\"b\" \"a\"\"bx\" 'a\"b'"},
        {"{column} ${property} '{column}' \"{column}\"", "\"it's\" \"it's\" 'it''s' \"it's\""},
        {"/* {object} /* {x} */ {object} */ 1", "/* {object} /* {x} */ {object} */ 1"},
        {"$$ {object} $$ $q${object}$q$ $1", "$$ {object} $$ $q${object}$q$ $1"},
        {"e'\\'{column}'", "e'\\'it''s'"},
        {"'unclosed {column", "'unclosed {column"},
    };
    struct task *t = test_task();
    str problem;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EXPECT_STR(fill(t, cases[i].query, "it's", &problem), cases[i].text);
    }
    EXPECT_STR(fill(t, "SELECT {property}", "", &problem), "problem");
    EXPECT_STR(problem, "its query speaks of a property, but the rule stands at the table");
    EXPECT_STR(fill(t, "SELECT 1 -- {property}", "", &problem), "SELECT 1 -- {property}");
    EXPECT_STR(fill(t, " ; -- nothing", "", &problem), "problem");
}

TEST(check_facts_refuse_what_has_another_shape)
{
    struct task *t = test_task();
    struct job_columns columns = {0};
    str text;

    vec_push(t->mem, &columns,
             ((struct job_column){.name = STR("c"), .type = STR("INTEGER[]"), .id = 7}));
    struct check_facts *facts = check_facts_new(t->mem, STR("t"), &columns, 1);
    struct tree *row = tree_new(t->mem, TREE_LIST);
    EXPECT(!check_facts_take(facts, row));
    REQUIRE(check_facts_next(facts, &text));
    EXPECT_STR(text, "SELECT count(*), count(\"c\") FROM t");
    EXPECT(!check_facts_next(facts, &text));
    EXPECT(!check_facts_take(facts, row));
}

TEST(check_facts_of_many_columns_refuse_what_has_another_shape)
{
    enum { COLUMNS = 128, CELLS = 5 };
    struct task *t = test_task();
    struct job_columns columns = {0};

    for (uint32_t i = 1; i <= COLUMNS; i++) {
        vec_push(t->mem, &columns,
                 ((struct job_column){.name = STR("c"), .type = STR("DATE"), .id = i}));
    }
    /* Of its cells, the last so many are lists with an element too few. */
    for (size_t wrong = 0; wrong < CELLS; wrong++) {
        struct check_facts *facts = check_facts_new(t->mem, STR("t"), &columns, 1);
        struct tree *row = tree_new(t->mem, TREE_LIST), *count = tree_new(t->mem, TREE_SCALAR);
        str text;
        REQUIRE(check_facts_next(facts, &text));
        count->text = STR("1");
        tree_push(t->mem, row, count);
        for (size_t cell = 1; cell < CELLS; cell++) {
            struct tree *list = tree_new(t->mem, TREE_LIST);
            for (size_t i = cell >= CELLS - wrong; i < COLUMNS; i++) {
                tree_push(t->mem, list, cell == 1 ? count : tree_new(t->mem, TREE_NULL));
            }
            tree_push(t->mem, row, list);
        }
        EXPECT(check_facts_take(facts, row) == (wrong == 0));
        EXPECT(wrong > 0 || !check_facts_next(facts, &text));
    }
}
