/* The SELECTs of compilers/check in the engine itself, over small tables whose answers are known. */
#include <duckdb.h>

#include "buf/buf.h"
#include "check/check.h"
#include "test.h"
#include "vec/vec.h"
#include "worker_match.h"

struct engine {
    struct task *t;
    duckdb_database database;
    duckdb_connection connection;
    struct job_columns columns;
    str view;
};

static void engine_close(void *handle)
{
    struct engine *e = handle;
    duckdb_disconnect(&e->connection);
    duckdb_close(&e->database);
}

static bool run(struct engine *e, const char *text)
{
    duckdb_result result;
    bool ok = duckdb_query(e->connection, text, &result) == DuckDBSuccess;
    if (!ok)
        printf("%s\n  in %s\n", duckdb_result_error(&result), text);
    duckdb_destroy_result(&result);
    return ok;
}

static struct tree *scalar(struct arena *mem, str text, bool is_text)
{
    struct tree *tree = is_text ? tree_text(mem, text) : tree_new(mem, TREE_SCALAR);
    tree->text = text;
    return tree;
}

static struct tree *cell(struct arena *mem, duckdb_vector vector, idx_t row)
{
    duckdb_logical_type type = duckdb_vector_get_column_type(vector);
    duckdb_type id = duckdb_get_type_id(type);
    uint64_t *validity = duckdb_vector_get_validity(vector);
    void *data = duckdb_vector_get_data(vector);
    struct tree *list;

    duckdb_destroy_logical_type(&type);
    if (validity && !duckdb_validity_row_is_valid(validity, row))
        return tree_new(mem, TREE_NULL);
    switch (id) {
    case DUCKDB_TYPE_BOOLEAN:
        return scalar(mem, ((bool *)data)[row] ? STR("true") : STR("false"), false);
    case DUCKDB_TYPE_INTEGER:
        return scalar(mem, arena_format(mem, "%d", ((int32_t *)data)[row]), false);
    case DUCKDB_TYPE_BIGINT:
        return scalar(mem, arena_format(mem, "%lld", (long long)((int64_t *)data)[row]), false);
    case DUCKDB_TYPE_HUGEINT:
        return scalar(
            mem, arena_format(mem, "%llu", (unsigned long long)((duckdb_hugeint *)data)[row].lower),
            false);
    case DUCKDB_TYPE_DOUBLE:
        return scalar(mem, arena_format(mem, "%.17g", ((double *)data)[row]), false);
    case DUCKDB_TYPE_VARCHAR: {
        duckdb_string_t *text = &((duckdb_string_t *)data)[row];
        return scalar(
            mem, arena_str(mem, (str){duckdb_string_t_data(text), duckdb_string_t_length(*text)}),
            true);
    }
    case DUCKDB_TYPE_LIST:
        list = tree_new(mem, TREE_LIST);
        for (idx_t i = 0; i < ((duckdb_list_entry *)data)[row].length; i++)
            tree_push(mem, list,
                      cell(mem, duckdb_list_vector_get_child(vector),
                           ((duckdb_list_entry *)data)[row].offset + i));
        return list;
    default:
        return scalar(mem, arena_format(mem, "type %d", id), true);
    }
}

/* The one row of a SELECT, or NULL and the engine's message. */
static const struct tree *ask(struct engine *e, str text, str *error_out)
{
    struct arena *mem = e->t->mem;
    struct tree *row = NULL;
    duckdb_result result;
    duckdb_data_chunk chunk;
    idx_t rows = 0;

    if (duckdb_query(e->connection, arena_c_string(mem, text), &result) != DuckDBSuccess) {
        *error_out = arena_str(mem, str_of(duckdb_result_error(&result)));
        duckdb_destroy_result(&result);
        return NULL;
    }
    while ((chunk = duckdb_fetch_chunk(result)) != NULL) {
        if (duckdb_data_chunk_get_size(chunk) > 0) {
            row = tree_new(mem, TREE_LIST);
            for (idx_t i = 0; i < duckdb_data_chunk_get_column_count(chunk); i++)
                tree_push(mem, row, cell(mem, duckdb_data_chunk_get_vector(chunk, i), 0));
        }
        rows += duckdb_data_chunk_get_size(chunk);
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    EXPECT_INT(rows, 1);
    return row;
}

/* A table `self."it's"` made of a SELECT; its columns come from the engine. */
static struct engine *engine_open(const char *select)
{
    struct task *t = test_task();
    struct engine *e = ARENA_NEW(t->mem, struct engine);
    duckdb_result result;

    e->t = t;
    e->view = STR("\"self\".\"it's\"");
    if (duckdb_open(NULL, &e->database) != DuckDBSuccess
        || duckdb_connect(e->database, &e->connection) != DuckDBSuccess
        || !worker_match_open(e->connection))
        return NULL;
    arena_defer(t->mem, engine_close, e);
    if (!run(e, "SET threads = 1") || !run(e, "SET TimeZone = 'UTC'")
        || !run(e, "CREATE SCHEMA self")
        || !run(e, arena_format(t->mem, "CREATE TABLE self.\"it's\" AS %s", select).ptr))
        return NULL;
    if (duckdb_query(e->connection, "DESCRIBE self.\"it's\"", &result) != DuckDBSuccess)
        return NULL;
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); i++)
        vec_push(t->mem, &e->columns,
                 ((struct job_column){
                     .name = cell(t->mem, duckdb_data_chunk_get_vector(chunk, 0), i)->text,
                     .type = cell(t->mem, duckdb_data_chunk_get_vector(chunk, 1), i)->text,
                     .id = (uint32_t)i + 1,
                 }));
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_result(&result);
    return e;
}

static struct contract_rule rule_of(struct arena *mem, enum rule_kind kind, const char *columns)
{
    struct contract_rule rule = {.kind = kind, .low = STR("0")};
    str rest = str_of(columns), name;

    while (rest.len) {
        (void)str_cut(rest, '|', &name, &rest);
        vec_push(mem, &rule.columns, name);
    }
    return rule;
}

/* `"a" 1 null`: texts in quotes, other values as they stand; between them bars. */
static void give_values(struct arena *mem, struct contract_rule *rule, const char *values)
{
    str rest = str_of(values), value;

    rule->has_values = true;
    while (rest.len) {
        (void)str_cut(rest, '|', &value, &rest);
        bool is_quoted = str_starts(value, STR("\""));
        vec_push(mem, &rule->values,
                 scalar(mem, is_quoted ? str_sub(value, 1, value.len - 2) : value, is_quoted));
    }
}

static struct check_result *judge(struct engine *e, const struct contract_rule *rules, size_t len)
{
    struct arena *mem = e->t->mem;
    struct contract_table *table = ARENA_NEW(mem, struct contract_table);
    struct check_result *results;
    struct check_plan plan;
    size_t count;

    table->name = STR("it's");
    for (size_t i = 0; i < len; i++)
        vec_push(mem, &table->rules, rules[i]);
    EXPECT(check_compile(mem, table, e->view, &e->columns, NULL, &plan));
    const struct tree **answers = ARENA_ARRAY(mem, const struct tree *, plan.selects.len + 1);
    str *errors = ARENA_ARRAY(mem, str, plan.selects.len + 1);
    for (size_t i = 0; i < plan.selects.len; i++)
        answers[i] = ask(e, plan.selects.at[i].text, &errors[i]);
    check_judge(mem, &plan, answers, errors, &results, &count);
    EXPECT_INT(count, len);
    return results;
}

static struct check_result judge_one(struct engine *e, struct contract_rule rule)
{
    return judge(e, &rule, 1)[0];
}

/* The rows that the rule's predicate finds are those that the rule counts. */
static void expect_rows(struct engine *e, const struct contract_rule *rule, uint64_t count)
{
    struct arena *mem = e->t->mem;
    struct check_predicate predicate;
    str error;
    int64_t found = -1;

    EXPECT(check_predicate(mem, rule, &e->columns, NULL, &predicate));
    const struct tree *row =
        ask(e,
            arena_format(mem, "SELECT count(*) FROM (SELECT 1 FROM %.*s %s %.*s)", STR_ARG(e->view),
                         predicate.is_window ? "QUALIFY" : "WHERE", STR_ARG(predicate.test)),
            &error);
    EXPECT(row != NULL && tree_is_int(row->at[0], &found));
    if (found != (int64_t)count)
        printf("%.*s\n", STR_ARG(predicate.test));
    EXPECT_INT(found, count);
}

static void expect_count(struct engine *e, struct contract_rule rule, uint64_t count)
{
    struct check_result result = judge_one(e, rule);

    if (result.verdict != VERDICT_ERROR)
        expect_rows(e, &rule, count);

    EXPECT_INT(result.verdict, count ? VERDICT_FAIL : VERDICT_PASS);
    if (result.verdict == VERDICT_ERROR || result.rows_failed != count)
        printf("%.*s\n", STR_ARG(result.message));
    EXPECT_INT(result.rows_failed, count);
}

static void expect_values(struct engine *e, enum rule_kind kind, const char *column,
                          const char *values, uint64_t count)
{
    struct contract_rule rule = rule_of(e->t->mem, kind, column);

    give_values(e->t->mem, &rule, values);
    expect_count(e, rule, count);
}

static void expect_pattern(struct engine *e, const char *column, const char *pattern,
                           uint64_t count)
{
    struct contract_rule rule = rule_of(e->t->mem, RULE_INVALID_VALUES, column);

    rule.pattern = str_of(pattern);
    expect_count(e, rule, count);
}

TEST(check_engine_counts_nulls_and_missing_values)
{
    struct engine *e = engine_open("SELECT * FROM (VALUES (1, 'a', 1.50::DECIMAL(12,2), DATE "
                                   "'2024-01-01'), (2, 'N/A', NULL, NULL), "
                                   "(NULL, '', 2.00, '2024-01-02'), (NULL, NULL, 1.50, "
                                   "'2024-01-01'), (5, 'it''s \"ü\"', 0, '1970-01-01')) "
                                   "x(\"the \"\"id\"\"\", name, amount, day)");
    REQUIRE(e);
    struct arena *mem = e->t->mem;

    expect_count(e, rule_of(mem, RULE_NULL_VALUES, "the \"id\""), 2);
    expect_count(e, rule_of(mem, RULE_REQUIRED, "name"), 1);
    expect_values(e, RULE_MISSING_VALUES, "name", "\"\"|\"N/A\"", 2);
    expect_values(e, RULE_MISSING_VALUES, "name", "\"\"|\"N/A\"|null", 3);
    expect_values(e, RULE_MISSING_VALUES, "name", "null", 1);
    expect_values(e, RULE_MISSING_VALUES, "name", "\"it's \"ü\"\"", 1);
    expect_values(e, RULE_MISSING_VALUES, "the \"id\"", "1|\"2\"|0x5|1.5|\"x\"", 3);
    expect_values(e, RULE_MISSING_VALUES, "amount", "1.5|1.504|1e99|\"0\"", 3);
    expect_values(e, RULE_MISSING_VALUES, "day", "1970-01-01|\"2024-01-01 10:00:00\"|never", 1);
}

TEST(check_engine_finds_rows_by_their_elements)
{
    struct engine *e = engine_open(
        "SELECT * FROM (VALUES (1, {'street': 'a'}, [{'n': 1}, {'n': NULL}], [[1], [2, 11]]), "
        "(2, {'street': NULL}, [], [[]]), (3, NULL, NULL, NULL), (4, {'street': 'bcd'}, [{'n': "
        "3}], "
        "[[NULL, 5]])) x(id, address, phones, grid)");
    REQUIRE(e);
    struct arena *mem = e->t->mem;
    struct contract_rule street = rule_of(mem, RULE_REQUIRED, "address.street");
    struct contract_rule number = rule_of(mem, RULE_REQUIRED, "phones[].n");
    struct contract_rule cell = rule_of(mem, RULE_OPTION, "grid[][]");

    vec_push(mem, &street.path, STR("address"));
    vec_push(mem, &street.path, STR("street"));
    expect_count(e, street, 1);
    street.kind = RULE_OPTION;
    street.option = RULE_MAX_LENGTH;
    street.low = STR("2");
    street.logical_type = STR("string");
    expect_count(e, street, 1);
    vec_push(mem, &number.path, STR("phones"));
    vec_push(mem, &number.path, STR_NONE);
    vec_push(mem, &number.path, STR("n"));
    expect_count(e, number, 1);
    vec_push(mem, &cell.path, STR("grid"));
    vec_push(mem, &cell.path, STR_NONE);
    vec_push(mem, &cell.path, STR_NONE);
    cell.option = RULE_MAXIMUM;
    cell.logical_type = STR("integer");
    cell.low = STR("10");
    expect_count(e, cell, 1);
    cell.option = RULE_MULTIPLE_OF;
    cell.low = STR("5");
    EXPECT_INT(judge_one(e, cell).rows_failed, 3); /* elements … */
    expect_rows(e, &cell, 1);                      /* … of one row */
}

TEST(check_engine_counts_invalid_values)
{
    struct engine *e = engine_open("SELECT * FROM (VALUES ('DE', 1, [1, 2], 0.1::DOUBLE, true), "
                                   "('FR', 2, [3], 'nan', false), ('xx', 3, NULL, 2, NULL), "
                                   "(NULL, NULL, [], NULL, NULL)) x(country, n, list, f, b)");
    REQUIRE(e);

    expect_values(e, RULE_INVALID_VALUES, "country", "\"DE\"|\"FR\"", 1);
    expect_values(e, RULE_INVALID_VALUES, "country", "\"DE\"|\"FR\"|null", 1);
    expect_values(e, RULE_INVALID_VALUES, "country", "null", 3);
    expect_values(e, RULE_INVALID_VALUES, "n", "1|2.0|\"abc\"", 1);
    expect_values(e, RULE_INVALID_VALUES, "n", "2.5", 3);
    expect_values(e, RULE_INVALID_VALUES, "list", "\"[1, 2]\"|\"[]\"", 1);
    expect_values(e, RULE_INVALID_VALUES, "f", "0.1|2", 1);
    expect_values(e, RULE_INVALID_VALUES, "b", "true", 1);
    expect_pattern(e, "country", "^[A-Z]{2}$", 1);
    expect_pattern(e, "country", "[EX]", 2);
    expect_pattern(e, "n", "^[12]$", 1);
    struct contract_rule both = rule_of(e->t->mem, RULE_INVALID_VALUES, "country");
    give_values(e->t->mem, &both, "\"DE\"|\"xx\"");
    both.pattern = STR("^[A-Z]+$");
    expect_count(e, both, 2);
}

static enum verdict verdict_of(struct engine *e, const char *pattern, const char *text)
{
    struct contract_rule rule = rule_of(e->t->mem, RULE_INVALID_VALUES, "v");

    if (!run(e, arena_format(e->t->mem, "CREATE OR REPLACE TABLE self.\"it's\" AS SELECT %s AS v",
                             text)
                    .ptr))
        return VERDICT_ERROR;
    rule.pattern = str_of(pattern);
    struct check_result result = judge_one(e, rule);
    if (result.verdict == VERDICT_ERROR)
        printf("%s: %.*s\n", pattern, STR_ARG(result.message));
    return result.verdict;
}

TEST(check_engine_patterns_mean_what_ecma_262_says)
{
    static const struct {
        const char *pattern, *text;
        bool is_match;
    } cases[] = {
        {"^a.c$", "'abc'", 1},
        {"^a.c$", "'a' || chr(10) || 'c'", 0},
        {"^a.c$", "'a' || chr(8232) || 'c'", 0},
        {"^ab$", "'ab' || chr(10)", 0},
        {"b$", "'ab'", 1},
        {"^\\s$", "chr(160)", 1},
        {"^[\\s]$", "chr(11)", 1},
        {"^\\S$", "chr(65279)", 0},
        {"^[^\\S]$", "chr(8195)", 1},
        {"^[\\S]$", "'x'", 1},
        {"^\\u00fc\\u{fc}\\xfc$", "'üüü'", 1},
        {"^\\ud83d\\ude00$", "chr(128512)", 1},
        {"^.$", "chr(128512)", 1},
        {"^[[:alpha:]]$", "':]'", 1},
        {"^[]$", "''", 0},
        {"^[^]$", "chr(10)", 1},
        {"^(?<year>\\d{4})-(\\d\\d)$", "'2024-01'", 1},
        {"^\\d$", "'٣'", 0},
        {"^\\p{Lu}\\P{L}\\p{Script=Greek}\\p{Letter}$", "'Ä1αß'", 1},
        {"^(?i:ab)c$", "'AbC'", 0},
        {"^(?i:ab)c$", "'ABc'", 1},
        {"a{,2}", "'a{,2}'", 1},
        {"^{x}$", "'{x}'", 1},
        {"^x{02}$", "'xx'", 1},
        {"^(?:a|b|)+?$", "'abba'", 1},
        {"\\bx\\b", "'a x b'", 1},
        {"^[\\b]\\cA\\0\\t\\v$", "chr(8) || chr(1) || chr(0) || chr(9) || chr(11)", 1},
        {"^[a\\-z]$", "'-'", 1},
        {"^[a-]$", "'-'", 1},
        {"^[\\w.%+-]+@[\\w.-]+\\.[A-Za-z]{2,}$", "'first.last@example.org'", 1},
        {"^\\w{1,1000}$", "'x'", 1},
        {"^\\p{L}{1,100}$", "'ö'", 1},
        {"'; drop", "'''; drop'", 1},
        {"^\\/\\.\\*\\\\$", "'/.*\\'", 1},
    };
    struct engine *e = engine_open("SELECT '' AS v");
    REQUIRE(e);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum verdict expected = cases[i].is_match ? VERDICT_PASS : VERDICT_FAIL;
        if (!test_expect(verdict_of(e, cases[i].pattern, cases[i].text) == expected,
                         cases[i].pattern, __FILE__, __LINE__))
            printf("  over %s\n", cases[i].text);
    }
}

TEST(check_engine_a_pattern_too_large_for_the_engine_spoils_its_own_rule_only)
{
    struct engine *e = engine_open("SELECT 'x' AS v");
    REQUIRE(e);
    struct contract_rule rules[] = {rule_of(e->t->mem, RULE_INVALID_VALUES, "v"),
                                    rule_of(e->t->mem, RULE_REQUIRED, "v")};
    rules[0].pattern = STR("^\\p{L}{1,1000}$");
    struct check_result *results = judge(e, rules, 2);
    EXPECT_INT(results[0].verdict, VERDICT_ERROR);
    EXPECT(str_find(results[0].message, STR("pattern too large")) < results[0].message.len);
    EXPECT_INT(results[1].verdict, VERDICT_PASS);
}

TEST(check_engine_counts_duplicates)
{
    struct engine *e = engine_open(
        "SELECT * FROM (VALUES "
        "(1, -64::BIGINT, 255::UTINYINT, 'a', 1.5::DOUBLE, [1], {'k': 1}, MAP {'a': 1}, 'x'::BLOB, "
        "INTERVAL 1 DAY, '101'::BIT, "
        "18446744073709551615::UBIGINT, 7::HUGEINT), "
        "(1, -1, 0, 'b', 'nan', [1], {'k': 1}, MAP {'a': 1}, 'x', INTERVAL 1 DAY, '101', 0, 7), "
        "(2, -63, 63, NULL, 'nan', [2], {'k': 2}, MAP {'b': 1}, 'y', INTERVAL 2 DAY, '10', 63, 8), "
        "(NULL, 9223372036854775807, 64, 'a', -0.0, NULL, NULL, NULL, NULL, NULL, NULL, 64, 9), "
        "(2, -9223372036854775808, NULL, 'a', 0.0, [NULL], {'k': NULL}, MAP {}, '', INTERVAL 24 "
        "HOUR, '1', 64, NULL)) "
        "x(i, l, u, s, f, list, struct, map, blob, span, bit, ul, h)");
    REQUIRE(e);
    static const struct {
        const char *columns;
        uint64_t duplicates;
    } cases[] = {{"i", 2},    {"l", 0},      {"u", 0},   {"s", 2},    {"f", 2},
                 {"list", 1}, {"struct", 1}, {"map", 1}, {"blob", 1}, {"bit", 1},
                 {"ul", 1},   {"h", 1},      {"i|s", 0}, {"s|f", 1},  {"list|map|blob", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_count(e, rule_of(e->t->mem, RULE_DUPLICATE_VALUES, cases[i].columns),
                     cases[i].duplicates);
        expect_count(e, rule_of(e->t->mem, RULE_UNIQUE, cases[i].columns), cases[i].duplicates);
    }
    expect_count(e, rule_of(e->t->mem, RULE_PRIMARY_KEY, "l"), 0);
    expect_count(e, rule_of(e->t->mem, RULE_PRIMARY_KEY, "i"), 3);
    expect_count(e, rule_of(e->t->mem, RULE_PRIMARY_KEY, "i|s"), 2);
    EXPECT_STR(judge_one(e, rule_of(e->t->mem, RULE_PRIMARY_KEY, "i")).message,
               "primary key (i) must be unique and not null: found 1 null and 2 duplicates in 5 "
               "rows (60 percent)");
}

/* Where one of the columns is to be unique by itself, only its neighbourhoods that are not are grouped. */
TEST(check_engine_counts_duplicates_beside_a_unique_column)
{
    struct engine *e = engine_open("SELECT (CASE WHEN n % 100 = 7 THEN n - 1 WHEN n % 1000 = 5 "
                                   "THEN NULL ELSE n END - 5000)::BIGINT AS key, "
                                   "(CASE WHEN n % 300 = 7 THEN n - 1 WHEN n % 500 = 9 THEN NULL "
                                   "ELSE n END % 50)::VARCHAR AS word, "
                                   "(n // 2)::UBIGINT AS half FROM range(10000) r(n) UNION ALL "
                                   "SELECT 9223372036854775807, 'x', 1 "
                                   "UNION ALL SELECT -9223372036854775808, 'x', 1 UNION ALL SELECT "
                                   "9223372036854775807, 'x', 2");
    REQUIRE(e);
    static const struct {
        const char *unique, *columns;
        uint64_t duplicates;
    } cases[] = {{"key", "key|word", 35},
                 {"key", "word|key", 35},
                 {"key", "key|half", 100},
                 {"half", "word|half", 35}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct contract_rule rules[] = {rule_of(e->t->mem, RULE_DUPLICATE_VALUES, cases[i].columns),
                                        rule_of(e->t->mem, RULE_UNIQUE, cases[i].unique)};
        struct check_result plain = judge(e, rules, 1)[0], grouped = judge(e, rules, 2)[0];
        EXPECT_INT(grouped.rows_failed, plain.rows_failed);
        EXPECT_INT(grouped.rows_failed, cases[i].duplicates);
    }
}

TEST(check_engine_every_rule_holds_on_an_empty_table_and_counts_on_one_of_nulls)
{
    static const enum rule_kind kinds[] = {
        RULE_NULL_VALUES, RULE_MISSING_VALUES, RULE_INVALID_VALUES, RULE_DUPLICATE_VALUES,
        RULE_REQUIRED,    RULE_UNIQUE,         RULE_PRIMARY_KEY};
    static const uint64_t of_nulls[] = {3, 3, 0, 0, 3, 0, 3};
    struct engine *empty = engine_open("SELECT 1 AS n, 'a' AS s WHERE false");
    struct engine *nulls =
        engine_open("SELECT NULL::INTEGER AS n, NULL::VARCHAR AS s FROM range(3)");
    REQUIRE(empty && nulls);

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int k = 0; k < 2; k++) {
            struct contract_rule rule = rule_of(empty->t->mem, kinds[i], k ? "s" : "n");
            give_values(empty->t->mem, &rule, "null|1");
            expect_count(empty, rule, 0);
            expect_count(nulls, rule, of_nulls[i]);
        }
    EXPECT_STR(judge_one(empty, rule_of(empty->t->mem, RULE_ROW_COUNT, "")).found, "0 rows");
}

TEST(check_engine_runs_rules_of_sql)
{
    struct engine *e = engine_open("SELECT range AS id, 'a' AS \"my \"\"col\"\"\" FROM range(5)");
    REQUIRE(e);
    static const struct {
        const char *query, *operand, *message;
    } cases[] = {
        {"SELECT count(*) FROM {object} -- {property} of {object}\n;", "5",
         "sql of my \"col\" must be 5: found 5"},
        {"SELECT count(${property}) FROM \"${object}\" WHERE \"{column}\" = 'a' /* ; {x} */ ; -- "
         "end",
         "5", "sql of my \"col\" must be 5: found 5"},
        {"SELECT '{property} {object};'", "x",
         "sql of my \"col\" must be x: found my \"col\" it's;"},
        {"SELECT $$ {object} $$ || $a$;$a$ || {'k': e'\\''}.k", " {object} ;'",
         "sql of my \"col\" must be  {object} ;': found  {object} ;'"},
        {"SELECT count(*) > 3 FROM ${table}", "true", "sql of my \"col\" must be true: found true"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct contract_rule rule = rule_of(e->t->mem, RULE_SQL, "my \"col\"");
        double number;
        rule.query = str_of(cases[i].query);
        rule.low = str_of(cases[i].operand);
        rule.operand_is_text = !str_to_f64(rule.low, &number);
        EXPECT_STR(judge_one(e, rule).message, cases[i].message);
    }
}

TEST(check_engine_a_rule_that_cannot_run_leaves_the_others_alone)
{
    struct engine *e = engine_open("SELECT range AS id, 'a' AS s FROM range(5)");
    REQUIRE(e);
    struct contract_rule rules[] = {
        rule_of(e->t->mem, RULE_NULL_VALUES, "gone"),
        rule_of(e->t->mem, RULE_PRIMARY_KEY, "id"),
        rule_of(e->t->mem, RULE_INVALID_VALUES, "s"),
        rule_of(e->t->mem, RULE_SQL, ""),
    };
    rules[2].pattern = STR("^(a)\\1$");
    rules[3].query = STR("SELECT count(*) FROM {object} WHERE gone > 1");
    struct check_result *results = judge(e, rules, 4);
    EXPECT_STR(results[0].message,
               "nullValues of gone must be 0: cannot be checked: there is no column gone in it's");
    EXPECT_INT(results[1].verdict, VERDICT_PASS);
    EXPECT_STR(
        results[2].message,
        "invalidValues of s must be 0: cannot be checked: its pattern refers back to a group, "
        "which the engine cannot do (at character 6)");
    EXPECT_INT(results[3].verdict, VERDICT_ERROR);
    EXPECT(str_find(results[3].message, STR("cannot be checked: Binder Error"))
           < results[3].message.len);
}

static struct check_fact *find_facts_of(struct engine *e, uint64_t rows, uint64_t *rows_out,
                                        int *selects_out)
{
    struct check_facts *facts = check_facts_new(e->t->mem, e->view, &e->columns, rows);
    str text, error = STR_NONE;

    *selects_out = 0;
    while (check_facts_next(facts, &text)) {
        const struct tree *row = ask(e, text, &error);
        if (!row)
            printf("%.*s\n", STR_ARG(error));
        EXPECT(row && check_facts_take(facts, row));
        if (!row || ++*selects_out > 100)
            break;
    }
    return check_facts_list(facts, rows_out);
}

static struct check_fact *find_facts(struct engine *e, uint64_t *rows_out, int *selects_out)
{
    return find_facts_of(e, UINT64_MAX, rows_out, selects_out);
}

TEST(check_engine_facts_are_exact)
{
    struct engine *e = engine_open(
        "SELECT range AS id, CASE WHEN range % 2 = 0 THEN 'it''s' ELSE 'ü\"' END AS s, NULL::DATE "
        "AS none, "
        "(range / 7.0)::DOUBLE AS f, CASE WHEN range = 3 THEN 'nan'::FLOAT ELSE 1 END AS n, "
        "[range] AS list, "
        "repeat('x', 300) || range AS long, range < 0 AS b, (range % 100)::DECIMAL(12,2) AS d, "
        "TIMESTAMP '2024-01-01' + INTERVAL (range) SECOND AS ts, 7 AS one, (range % 65)::TINYINT "
        "AS many, "
        "CASE WHEN range < 20480 THEN 1 ELSE range END AS late, '{}'::JSON AS json FROM "
        "range(30000)");
    uint64_t rows;
    int selects;
    REQUIRE(e);
    struct check_fact *facts = find_facts(e, &rows, &selects);

    EXPECT_INT(rows, 30000);
    EXPECT_INT(selects, 4);
    EXPECT(facts[0].has_range && !facts[0].has_values);
    EXPECT_INT(facts[0].column_id, 1);
    EXPECT_STR(facts[0].low, "0");
    EXPECT_STR(facts[0].high, "29999");
    EXPECT(facts[1].has_values);
    EXPECT_STR(str_list_join(e->t->mem, &facts[1].values, STR("|")), "it's|ü\"");
    EXPECT_INT(facts[2].nulls, 30000);
    EXPECT(facts[2].has_values && !facts[2].has_range && facts[2].values.len == 0);
    EXPECT_STR(facts[3].high, "4285.571428571428");
    EXPECT(!facts[4].has_range && !facts[4].has_values);
    EXPECT(!facts[5].has_range && !facts[5].has_values);
    EXPECT(!facts[6].has_range && !facts[6].has_values);
    EXPECT_STR(facts[7].low, "false");
    EXPECT_STR(str_list_join(e->t->mem, &facts[7].values, STR("|")), "false");
    EXPECT_STR(facts[8].high, "99.00");
    EXPECT(!facts[8].has_values);
    EXPECT_STR(facts[9].low, "2024-01-01 00:00:00");
    EXPECT_STR(str_list_join(e->t->mem, &facts[10].values, STR("|")), "7");
    EXPECT(facts[11].has_range && !facts[11].has_values);
    EXPECT(facts[12].has_range && !facts[12].has_values);
    EXPECT(!facts[13].has_range && facts[13].nulls == 0);
}

TEST(check_engine_facts_have_no_bounds_that_are_long)
{
    static const struct {
        const char *value;
        bool has_range;
    } cases[] = {
        {"repeat('x', 256)", true},
        {"repeat('x', 257)", false},
        {"repeat('é', 128)", true},
        {"repeat('é', 129)", false},
        {"repeat('e' || chr(769), 85)", true},
        {"repeat('e' || chr(769), 86)", false},
        {"repeat('é', 1000)", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct engine *e =
            engine_open(arena_format(test_task()->mem, "SELECT %s AS v", cases[i].value).ptr);
        uint64_t rows;
        int selects;
        REQUIRE(e);
        struct check_fact *fact = find_facts(e, &rows, &selects);
        test_expect(fact->has_range == cases[i].has_range, cases[i].value, __FILE__, __LINE__);
    }
}

/* Bounds of every type read back as the value itself. */
TEST(check_engine_facts_round_trip)
{
    static const char *const columns[] = {
        "unnest([0.1, 1e300, -5e-324, 1.7976931348623157e308, 123456789.123456789])::DOUBLE",
        "unnest([0.1, 3.4028235e38, -1e-45, 16777217])::FLOAT",
        "unnest([-170141183460469231731687303715884105728, "
        "170141183460469231731687303715884105727])::HUGEINT",
        "unnest(['-99999999999999999999999999999999999.999', '0.001'])::DECIMAL(38,3)",
        "unnest(['0044-03-15 (BC)', '9999-12-31', 'infinity'])::DATE",
        "unnest(['2024-01-01 10:00:00.123456', '0044-03-15 (BC) 00:00:00', 'infinity'])::TIMESTAMP",
        "unnest(['2024-01-01 10:00:00.123456+02', '1883-01-01 00:00:00+00'])::TIMESTAMPTZ",
        "unnest(['2024-01-01 10:00:00.123456789'])::TIMESTAMP_NS",
        "unnest(['10:00:00.123456', '24:00:00'])::TIME",
        "unnest(['10:00:00+02', '10:00:00-05:30'])::TIMETZ",
        "unnest(['0101', '1', '000'])::BIT",
        "unnest(['00000000-0000-0000-0000-000000000001', "
        "'ffffffff-ffff-ffff-ffff-ffffffffffff'])::UUID",
        "unnest([true, false])",
        "unnest(['', 'it''s', chr(0), '\\', 'ü', ' NULL '])",
    };
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        struct engine *e =
            engine_open(arena_format(test_task()->mem, "SELECT %s AS v", columns[i]).ptr);
        uint64_t rows;
        int selects;
        REQUIRE(e);
        struct check_fact *fact = find_facts(e, &rows, &selects);
        EXPECT(fact->has_range && fact->has_values);
        if (str_has(fact->low, '\0') || str_has(fact->high, '\0'))
            continue;
        struct buf *b = buf_new(e->t->mem, 10000);
        str error;
        buf_add(b, STR("SELECT (min(v) = CAST("));
        buf_add_literal(b, fact->low);
        buf_format(b, " AS %.*s) AND max(v) = CAST(", STR_ARG(e->columns.at[0].type));
        buf_add_literal(b, fact->high);
        buf_format(b, " AS %.*s)) FROM %.*s", STR_ARG(e->columns.at[0].type), STR_ARG(e->view));
        const struct tree *row = ask(e, buf_str(b), &error);
        REQUIRE(row);
        if (!test_expect(str_eq(row->at[0]->text, STR("true")), columns[i], __FILE__, __LINE__))
            printf("  %.*s .. %.*s\n", STR_ARG(fact->low), STR_ARG(fact->high));
    }
}

TEST(check_engine_facts_of_an_empty_table)
{
    struct engine *e = engine_open("SELECT 1 AS n, 'a' AS s, [1] AS list WHERE false");
    uint64_t rows;
    int selects;
    REQUIRE(e);
    struct check_fact *facts = find_facts(e, &rows, &selects);

    EXPECT_INT(rows, 0);
    EXPECT(facts[0].has_values && !facts[0].has_range && facts[0].values.len == 0);
    EXPECT(!facts[2].has_range);
}

static str fact_text(struct arena *mem, const struct check_fact *fact)
{
    return arena_format(mem, "%u %d %.*s .. %.*s, %llu nulls, %d %.*s", fact->column_id,
                        fact->has_range, STR_ARG(fact->low), STR_ARG(fact->high),
                        (unsigned long long)fact->nulls, fact->has_values,
                        STR_ARG(str_list_join(mem, &fact->values, STR("|"))));
}

/* Columns of each type, which differ in how many values and nulls they have. */
static struct engine *open_wide(int each, int rows, int letters)
{
    static const char *const types[] = {
        "INTEGER", "VARCHAR", "DOUBLE", "DECIMAL(12,2)", "BOOLEAN", "BIT", "INTEGER[]", "DATE",
    };
    struct buf *b = buf_new(test_task()->mem, 1 << 20);

    buf_add(b, STR("SELECT "));
    for (int i = 0; i < each; i++) {
        buf_format(b, "%sCASE WHEN h %% %d = 0 THEN NULL ELSE h %% %d END AS n%d", i ? ", " : "",
                   i % 7 + 1, i + 1, i);
        buf_format(b, ", repeat('é', h %% %d) || n%d AS s%d", letters, i, i);
        buf_format(b,
                   ", CASE h %% %d WHEN 1 THEN -0.0 WHEN 6 THEN 'nan' ELSE h %% 9 / 8 END AS f%d",
                   i % 8 + 1, i);
        buf_format(b, ", (n%d / 7)::DECIMAL(12,2) AS d%d, n%d = 0 AS b%d", i, i, i, i);
        buf_format(b, ", n%d::BIT AS bits%d, [n%d] AS list%d", i, i, i, i);
        buf_format(b, ", DATE '2024-01-01' + n%d AS day%d", i, i);
    }
    buf_format(b, " FROM (SELECT (hash(range) %% 1000)::INTEGER AS h FROM range(%d))", rows);
    struct engine *e = engine_open(arena_c_string(test_task()->mem, buf_str(b)));
    for (size_t i = 0; e && i < sizeof types / sizeof *types; i++)
        EXPECT_STR(e->columns.at[i].type, types[i]);
    return e;
}

TEST(check_engine_facts_of_many_columns_and_few_rows)
{
    static const struct {
        int rows, letters, selects;
    } cases[] = {
        {0, 3, 8},   {1, 3, 8},      {2, 300, 8},
        {100, 3, 9}, {100, 900, 12}, /* so long texts are not copied */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct engine *e = open_wide(130, cases[i].rows, cases[i].letters);
        uint64_t rows;
        int selects;
        REQUIRE(e);
        struct check_fact *wanted = find_facts(e, &rows, &selects);
        struct check_fact *found = find_facts_of(e, (uint64_t)cases[i].rows, &rows, &selects);
        EXPECT_INT(rows, cases[i].rows);
        EXPECT_INT(selects, cases[i].selects);
        for (size_t j = 0; j < e->columns.len; j++)
            EXPECT_STR(fact_text(e->t->mem, &found[j]), fact_text(e->t->mem, &wanted[j]).ptr);
    }
}
