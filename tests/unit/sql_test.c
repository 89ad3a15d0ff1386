/* Statements as text, places in them, and limits of trees; what trees mean stands in tests/golden/sql. */
#include "sql/sql.h"

#include "buf/buf.h"
#include "limits/limits.h"
#include "test.h"

static str statement_of(struct task *t, str text)
{
    str out = STR("(failed)");
    EXPECT_OK(t, sql_statement(t, text, &out));
    return out;
}

TEST(statement_ends_at_its_semicolon)
{
    struct task *t = test_task();
    EXPECT_STR(statement_of(t, STR("SELECT 1")), "SELECT 1");
    EXPECT_STR(statement_of(t, STR("SELECT 1;")), "SELECT 1");
    EXPECT_STR(statement_of(t, STR("SELECT 1 ; -- x\n /* y */ \t")), "SELECT 1 ");
    EXPECT_STR(statement_of(t, STR("SELECT ';' || \";\" || $$;$$ || $a$;$$;$a$;")),
               "SELECT ';' || \";\" || $$;$$ || $a$;$$;$a$");
    EXPECT_STR(statement_of(t, STR("SELECT E'\\';' ;")), "SELECT E'\\';' ");
    EXPECT_STR(statement_of(t, STR("SELECT 'it''s;' ;")), "SELECT 'it''s;' ");
    EXPECT_STR(statement_of(t, STR("SELECT '\\';")), "SELECT '\\'");
    EXPECT_STR(statement_of(t, STR("SELECT /* ; /* ; */ ; */ 1 ;")), "SELECT /* ; /* ; */ ; */ 1 ");
    EXPECT_STR(statement_of(t, STR("SELECT 1 -- ;\n;")), "SELECT 1 -- ;\n");
    EXPECT_STR(statement_of(t, STR("SELECT a$b, $1;")), "SELECT a$b, $1");
    EXPECT_STR(statement_of(t, STR("SELECT tree'\\';")), "SELECT tree'\\'");
}

static str since_of(struct task *t, str text, struct sql_shifts *shifts)
{
    return sql_put_since(t->mem, text, STR("CAST('x' AS DATE)"), shifts);
}

TEST(since_is_put_where_it_is_a_word)
{
    struct task *t = test_task();
    struct sql_shifts shifts;
    EXPECT_STR(since_of(t, STR("SELECT $since, $SINCE"), &shifts),
               "SELECT CAST('x' AS DATE), CAST('x' AS DATE)");
    EXPECT_INT(shifts.len, 2);
    EXPECT_STR(
        since_of(
            t, STR("'$since' \"$since\" -- $since\n/* $since */ $$ $since $$ $since_x $1 a$since"),
            &shifts),
        "'$since' \"$since\" -- $since\n/* $since */ $$ $since $$ $since_x $1 a$since");
    EXPECT_INT(shifts.len, 0);
    EXPECT_STR(since_of(t, STR("$since$ $since $since$ $since"), &shifts),
               "$since$ $since $since$ CAST('x' AS DATE)");
    EXPECT_STR(since_of(t, STR("'open $since"), &shifts), "'open $since");
}

TEST(positions_lead_back_to_the_text_that_was_written)
{
    struct task *t = test_task();
    struct sql_shifts shifts;
    str text = STR("a > $since AND b > $since OR c");
    str put = since_of(t, text, &shifts);
    for (uint32_t i = 1; i <= put.len; i++) {
        uint32_t back = sql_shift_back(&shifts, i);
        char c = put.ptr[i - 1];
        REQUIRE(back >= 1 && back <= text.len);
        /* What stands in the place of `$since` is there where it begins. */
        EXPECT(text.ptr[back - 1] == c || text.ptr[back - 1] == '$');
    }
    EXPECT_INT(sql_shift_back(&shifts, (uint32_t)put.len), text.len);
    EXPECT_INT(sql_shift_back(&shifts, 0), 0);
    EXPECT_INT(sql_shift_back(&shifts, 3), 3);
}

TEST(open_quotes_are_left_to_the_engine)
{
    struct task *t = test_task();
    EXPECT_STR(statement_of(t, STR("SELECT 'a;")), "SELECT 'a;");
    EXPECT_STR(statement_of(t, STR("SELECT $x$ ; $y$")), "SELECT $x$ ; $y$");
    EXPECT_STR(statement_of(t, STR("SELECT /* ;")), "SELECT /* ;");
    EXPECT_STR(statement_of(t, STR("SELECT E'\\")), "SELECT E'\\");
}

TEST(statement_refuses_what_is_not_one)
{
    struct task *t = test_task();
    str out;
    EXPECT_FAIL(t, ERR_SYNTAX, sql_statement(t, STR(""), &out));
    EXPECT_FAIL(t, ERR_SYNTAX, sql_statement(t, STR(" \n-- x"), &out));
    EXPECT_FAIL(t, ERR_SYNTAX, sql_statement(t, STR(";"), &out));
    EXPECT_FAIL(t, ERR_SYNTAX, sql_statement(t, STR("SELECT 1;;"), &out));
    EXPECT_INT(t->err.position, 10);
    EXPECT_FAIL(t, ERR_SYNTAX, sql_statement(t, STR("SELECT '\xff'"), &out));
    EXPECT_INT(t->err.position, 9);
    EXPECT_FAIL(t, ERR_SYNTAX, sql_statement(t, STR("SELECT '\0'"), &out));
    EXPECT_OK(t, sql_statement(t, STR("/*/*/*/*/*/*/*/* x */*/*/*/*/*/*/*/1"), &out));
    EXPECT_FAIL(t, ERR_LIMIT,
                sql_statement(t, STR("/*/*/*/*/*/*/*/*/* x */*/*/*/*/*/*/*/*/1"), &out));
    char *large = arena_alloc(t->mem, SQL_BYTES_MAX + 2);
    for (size_t i = 0; i <= SQL_BYTES_MAX; i++)
        large[i] = '1';
    EXPECT_FAIL(t, ERR_LIMIT, sql_statement(t, (str){large, SQL_BYTES_MAX + 1}, &out));
    EXPECT_OK(t, sql_statement(t, (str){large, SQL_BYTES_MAX}, &out));
}

TEST(place_counts_characters)
{
    uint32_t line, column;
    str text = STR("SELECT 'é',\n  x");
    sql_place(text, 15, &line, &column);
    EXPECT_INT(line, 2);
    EXPECT_INT(column, 2);
    sql_place(text, 11, &line, &column);
    EXPECT_INT(line, 1);
    EXPECT_INT(column, 10);
    sql_place(text, 0, &line, &column);
    EXPECT_INT(line, 0);
    sql_place(text, 9999, &line, &column);
    EXPECT_INT(line, 2);
}

TEST(caret_stands_under_its_place)
{
    struct task *t = test_task();
    EXPECT_STR(sql_caret(t->mem, STR("SELECT é, x"), 12),
               "LINE 1: SELECT é, x\n                  ^");
    EXPECT_STR(sql_caret(t->mem, STR("a\n\tb"), 4), "LINE 2:  b\n         ^");
    EXPECT_STR(sql_caret(t->mem, STR("a"), 0), "");
    EXPECT_STR(sql_caret(t->mem, STR("a"), 99), "LINE 1: a\n         ^");
    EXPECT_STR(sql_caret(t->mem, STR("SELECT '東京', x"), 18),
               "LINE 1: SELECT '東京', x\n                       ^");
    EXPECT_STR(sql_caret(t->mem, STR("a\x1b[31m\xff b\nc"), 8),
               "LINE 1: a?[31m? b\n               ^");
}

TEST(caret_shows_what_of_a_long_line_stands_around)
{
    struct task *t = test_task();
    str line = arena_format(t->mem, "%0100d%s%0100d", 1, "here", 2);
    str shown = sql_caret(t->mem, line, 101), head, foot;

    REQUIRE(str_cut(shown, '\n', &head, &foot));
    EXPECT(head.len <= 79);
    EXPECT(str_starts(head, STR("LINE 1: ...000")) && str_ends(head, STR("000...")));
    EXPECT_STR(str_sub(head, foot.len - 1, 4), "here");
    shown = sql_caret(t->mem, str_sub(line, 0, 104), 103);
    REQUIRE(str_cut(shown, '\n', &head, &foot));
    EXPECT_STR(str_from(head, foot.len - 1), "re");
    EXPECT(head.len > 60);
}

TEST(statement_ends_outside_of_quotes_and_comments)
{
    size_t at;

    EXPECT(sql_find_end(STR("a; b;"), &at));
    EXPECT_INT(at, 1);
    EXPECT(!sql_find_end(STR("a"), &at));
    EXPECT_INT(at, 1);
    EXPECT(sql_find_end(STR("';' \";\" /* ; */ $$ ; $$ -- ;\n;"), &at));
    EXPECT_INT(at, 29);
    EXPECT(!sql_find_end(STR("'a;"), &at));
    EXPECT(!sql_find_end(STR("/* ;"), &at));
}

TEST(a_command_of_the_shell_begins_outside_of_quotes_and_comments)
{
    size_t at;

    EXPECT(sql_find_end(STR("select 1\n\\p"), &at));
    EXPECT_INT(at, 9);
    EXPECT(sql_find_end(STR("a; \\p"), &at));
    EXPECT_INT(at, 1);
    EXPECT(!sql_find_end(STR("'\\' \"\\\" E'\\'' /* \\ */ $$ \\ $$ -- \\"), &at));
    EXPECT(!sql_find_end(STR("'\n\\p"), &at));
}

TEST(a_parameter_stands_outside_of_quotes_and_comments)
{
    str name;
    size_t at;

    REQUIRE(sql_find_parameter(STR("a > $sinc AND b = ?"), &name, &at));
    EXPECT_STR(name, "$sinc");
    EXPECT_INT(at, 4);
    REQUIRE(sql_find_parameter(STR("limit $12;"), &name, &at));
    EXPECT_STR(name, "$12");
    REQUIRE(sql_find_parameter(STR("?"), &name, &at));
    EXPECT_STR(name, "?");
    EXPECT(
        !sql_find_parameter(STR("a$b '?' \"$c\" $$ ? $$ $d$ $e $d$ /* $f */ $ -- ?"), &name, &at));
}

static struct tree *put(struct task *t, struct tree *map, const char *key, struct tree *child)
{
    CHECK(tree_put(t->mem, map, str_of(key), child));
    return child;
}

static struct tree *put_text(struct task *t, struct tree *map, const char *key, const char *text)
{
    struct tree *child = tree_text(t->mem, str_of(text));
    child->quoted = false;
    return put(t, map, key, child);
}

/* A document of `SELECT #1, #1, …` with this many expressions. */
static struct tree *document_of(struct task *t, size_t expressions, struct tree **select_out)
{
    struct tree *document = tree_new(t->mem, TREE_MAP), *statement = tree_new(t->mem, TREE_MAP);
    put_text(t, document, "error", "false");
    tree_push(t->mem, put(t, document, "statements", tree_new(t->mem, TREE_LIST)), statement);
    struct tree *select = put(t, statement, "node", tree_new(t->mem, TREE_MAP));
    put_text(t, select, "type", "SELECT_NODE");
    struct tree *list = put(t, select, "select_list", tree_new(t->mem, TREE_LIST));
    for (size_t i = 0; i < expressions; i++) {
        struct tree *expression = tree_new(t->mem, TREE_MAP);
        put_text(t, expression, "class", "POSITIONAL_REFERENCE");
        tree_push(t->mem, list, expression);
    }
    *select_out = select;
    return document;
}

TEST(trees_with_too_many_parts_are_refused)
{
    struct task *t = test_task();
    struct sql_tree *tree;
    struct tree *select;
    EXPECT_OK(t, sql_read(t, STR("x"), document_of(t, SQL_NODES_MAX - 1, &select), &tree));
    EXPECT_FAIL(t, ERR_LIMIT, sql_read(t, STR("x"), document_of(t, SQL_NODES_MAX, &select), &tree));
}

TEST(unknown_keys_are_refused_unless_they_say_nothing)
{
    struct task *t = test_task();
    struct sql_tree *tree;
    struct tree *select, *document = document_of(t, 1, &select);
    put(t, select, "new_list", tree_new(t->mem, TREE_LIST));
    put(t, select, "new_null", tree_new(t->mem, TREE_NULL));
    put_text(t, select, "new_flag", "false");
    EXPECT_OK(t, sql_read(t, STR("x"), document, &tree));
    struct tree *child = put(t, select, "new_expression", tree_new(t->mem, TREE_MAP));
    put_text(t, child, "class", "POSITIONAL_REFERENCE");
    EXPECT_FAIL(t, ERR_REFUSED, sql_read(t, STR("x"), document, &tree));
    document = document_of(t, 1, &select);
    put_text(t, select, "new_word", "something");
    EXPECT_FAIL(t, ERR_REFUSED, sql_read(t, STR("x"), document, &tree));
}

TEST(malformed_trees_are_refused)
{
    struct task *t = test_task();
    struct sql_tree *tree;
    struct tree *select, *document = tree_new(t->mem, TREE_MAP);
    EXPECT_FAIL(t, ERR_ENGINE, sql_read(t, STR("x"), document, &tree));
    put_text(t, document, "error", "false");
    EXPECT_FAIL(t, ERR_SYNTAX, sql_read(t, STR("x"), document, &tree));
    document = document_of(t, 1, &select);
    put_text(t, select, "from_table", "a text");
    EXPECT_FAIL(t, ERR_REFUSED, sql_read(t, STR("x"), document, &tree));
    document = document_of(t, 1, &select);
    put_text(t, put(t, select, "where_clause", tree_new(t->mem, TREE_MAP)), "class", "NEW_CLASS");
    EXPECT_FAIL(t, ERR_REFUSED, sql_read(t, STR("x"), document, &tree));
    document = document_of(t, 1, &select);
    put(t, select, "where_clause", tree_new(t->mem, TREE_LIST));
    EXPECT_FAIL(t, ERR_REFUSED, sql_read(t, STR("x"), document, &tree));
}
