#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/cli_inside.h"
#include "cli/cli_lines.h"
#include "width/width.h"

static const struct cli_column columns[] = {{.key = "id", .is_right = true}, {.key = "name"}};

struct printed {
    char *text;
    size_t len;
    FILE *out;
    struct table table;
};

static void begin(struct task *t, struct printed *printed)
{
    printed->out = open_memstream(&printed->text, &printed->len);
    table_begin(&printed->table, t->mem, printed->out, columns, 2);
}

static void add(struct printed *printed, const char *id, const char *name)
{
    table_row(&printed->table, (const str[]){str_of(id), str_of(name)});
}

static void expect(struct printed *printed, const char *wanted)
{
    table_end(&printed->table);
    fclose(printed->out);
    EXPECT_STR(printed->text, wanted);
    free(printed->text);
}

TEST(table_aligns_as_psql)
{
    struct printed printed;

    begin(test_task(), &printed);
    printed.table.is_ruled = true;
    add(&printed, "7", "Ada");
    add(&printed, "123", NULL);
    expect(&printed, "  id | name\n-----+------\n   7 | Ada\n 123 | NULL\n");
}

TEST(table_without_rules_has_two_spaces)
{
    struct printed printed;

    begin(test_task(), &printed);
    add(&printed, "1", "Zürich");
    add(&printed, "22", "東京");
    expect(&printed, "id  name\n 1  Zürich\n22  東京\n");
}

TEST(table_without_a_row_has_its_head)
{
    struct printed printed;

    begin(test_task(), &printed);
    printed.table.is_ruled = true;
    expect(&printed, " id | name\n----+------\n");
}

TEST(table_escapes_what_would_steer_a_terminal)
{
    struct task *t = test_task();

    EXPECT_STR(table_shown(t->mem, STR("a\nb\tc\x1b[31m")), "a\\nb\\tc\\x1b[31m");
    EXPECT_STR(table_shown(t->mem, STR("\xff")), "\\xff");
    /* NOLINTNEXTLINE(misc-misleading-bidirectional): it is escaped */
    EXPECT_STR(table_shown(t->mem, STR("\xe2\x80\xae")), "\\u202e");
    EXPECT_STR(table_shown(t->mem, STR("é")), "é");
}

TEST(table_cuts_the_widest_cells_of_an_answer_where_somebody_looks)
{
    struct printed printed;

    begin(test_task(), &printed);
    printed.table.width = 20;
    printed.table.is_ruled = true;
    add(&printed, "1", "a text that does not fit in so little room");
    expect(&printed, " id | name\n----+---------------\n  1 | a text tha...\n");
}

TEST(table_of_a_list_breaks_its_longest_cells)
{
    struct printed printed;

    begin(test_task(), &printed);
    printed.table.width = 20;
    add(&printed, "1", "a text that does not fit");
    add(&printed, "12345", "customer.interactions");
    expect(&printed, "   id  name\n    1  a text that\n        does not fit\n"
                     "12345  customer.\n        interactions\n");
}

TEST(table_breaks_wide_characters_by_their_columns)
{
    struct printed printed;

    begin(test_task(), &printed);
    printed.table.width = 17;
    add(&printed, "1", "東京都渋谷区神南");
    expect(&printed, "id  name\n 1  東京都渋谷区\n     神南\n");
}

TEST(table_that_cannot_fit_has_a_line_for_each_value)
{
    struct printed printed;

    begin(test_task(), &printed);
    printed.table.width = 12;
    add(&printed, "1234567890123", "a b");
    add(&printed, "2", "-");
    expect(&printed, "id    1234567890123\nname  a b\n\nid    2\n");
    begin(test_task(), &printed);
    printed.table.width = 12;
    printed.table.is_ruled = true;
    add(&printed, "1234567890123", NULL);
    expect(&printed, "-[ RECORD 1 ]--------------------\nid   | 1234567890123\nname | NULL\n");
}

TEST(table_that_nobody_looks_at_stays_whole)
{
    struct printed printed;

    begin(test_task(), &printed);
    add(&printed, "1", "a text that does not fit in so little room as nobody has");
    expect(&printed, "id  name\n 1  a text that does not fit in so little room as nobody has\n");
}

TEST(width_of_what_joins_and_what_is_wide)
{
    EXPECT_INT(width_of(STR("é")), 1);
    EXPECT_INT(width_of(STR("e\xcc\x81")), 1);
    EXPECT_INT(width_of(STR("東京")), 4);
    EXPECT_INT(width_of(STR("🙂")), 2);
    EXPECT_INT(width_of(STR("\xff")), 1);
    EXPECT_INT(width_head(STR("東京"), 3), 3);
    EXPECT_INT(width_head(STR("e\xcc\x81x"), 1), 3);
}

TEST(table_keeps_its_widths_after_the_first_rows)
{
    struct task *t = test_task();
    struct printed printed;

    begin(t, &printed);
    for (int i = 0; i < TABLE_KEEP; i++) {
        add(&printed, "1", "x");
    }
    add(&printed, "12345", "later");
    table_end(&printed.table);
    fclose(printed.out);
    EXPECT(str_ends(str_of(printed.text), STR("\n 1  x\n12345  later\n")));
    EXPECT_INT(printed.table.rows, TABLE_KEEP + 1);
    free(printed.text);
}

TEST(table_as_csv_quotes_what_needs_it)
{
    struct printed printed;

    begin(test_task(), &printed);
    printed.table.is_csv = true;
    add(&printed, "1", "a \"b\", c\nd");
    add(&printed, "2", NULL);
    expect(&printed, "id,name\r\n1,\"a \"\"b\"\", c\nd\"\r\n2,\r\n");
}

TEST(table_cells_come_by_path)
{
    struct task *t = test_task();
    struct tree *row;

    REQUIRE_OK(t, cli_read_json(
                      t, t->mem,
                      STR("{\"a\":{\"b\":7},\"list\":[\"x\",\"y\"],\"none\":null,\"empty\":\"\"}"),
                      &row));
    EXPECT_STR(table_cell(t->mem, row, "a.b"), "7");
    EXPECT_STR(table_cell(t->mem, row, "list"), "x, y");
    EXPECT(table_cell(t->mem, row, "none").ptr == NULL);
    EXPECT(table_cell(t->mem, row, "absent").ptr == NULL);
    EXPECT(table_cell(t->mem, row, "empty").ptr != NULL);
}

struct heard {
    struct arena *mem;
    struct str_list lines;
};

static bool hear(struct task *t, void *state, str line)
{
    struct heard *heard = state;

    (void)t;
    vec_push(heard->mem, &heard->lines, arena_str(heard->mem, line));
    return true;
}

TEST(lines_are_whole_however_their_bytes_come)
{
    struct task *t = test_task();
    struct heard heard = {.mem = arena_new()};
    struct cli_lines lines = {.state = &heard, .line = hear};
    str parts[] = {STR("on"), STR("e\ntwo\n\nth"), STR("r"), STR("ee\n")};

    cli_lines_begin(t, &lines);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        EXPECT_OK(t, cli_lines_take(t, &lines, parts[i]));
    }
    EXPECT_STR(str_list_join(t->mem, &heard.lines, STR("|")), "one|two|three");
    arena_free(heard.mem);
}
