/* What the gate's reader makes of statements: tables and columns, or the refusal. The trees beside them come from the engine. */
#include <stdlib.h>

#include "buf/buf.h"
#include "cases.h"
#include "limits/limits.h"
#include "sql/sql.h"
#include "test.h"
#include "json/json.h"

static const struct json_limits limits = {
    .bytes = SQL_TREE_BYTES_MAX, .depth = JSON_DEPTH_MAX, .nodes = 2000000};

/* The line after `== title` in the file of trees. */
static str find_tree(struct task *t, const struct golden_case *c)
{
    str all = golden_file(t->mem, arena_format(t->mem, "sql/%s.trees", c->file).ptr);
    str title = arena_format(t->mem, "== " STR_FMT "\n", STR_ARG(c->title));
    size_t at = str_find(all, title);
    str line, rest;
    if (at == all.len)
        return STR_NONE;
    str_cut(str_from(all, at + title.len), '\n', &line, &rest);
    return line;
}

static void say_error(struct task *t, struct buf *out, str text)
{
    uint32_t line, column;
    sql_place(text, t->err.position, &line, &column);
    buf_format(out, "%s", error_name(t->err.code));
    if (t->err.position)
        buf_format(out, " at %u:%u", line, column);
    buf_format(out, ": " STR_FMT "\n", STR_ARG(t->err.message));
    if (t->err.hint.len)
        buf_format(out, "hint: " STR_FMT "\n", STR_ARG(t->err.hint));
    str caret = sql_caret(t->mem, text, t->err.position);
    if (caret.len)
        buf_format(out, STR_FMT "\n", STR_ARG(caret));
}

static str read_one(struct task *t, const struct golden_case *c)
{
    struct buf *out = buf_new(t->mem, 1 << 20);
    str text = golden_section(c, "sql"), statement;
    struct tree *document;
    struct sql_tree *tree;
    if (!sql_statement(t, text, &statement)
        || !json_read(t, t->mem, find_tree(t, c), &limits, &document)
        || !sql_read(t, statement, document, &tree)) {
        say_error(t, out, text);
        return buf_str(out);
    }
    for (size_t i = 0; i < tree->tables.len; i++) {
        struct sql_table *table = &tree->tables.at[i];
        str_list_sort(&table->columns);
        if (table->catalog.len)
            buf_format(out, STR_FMT " . ", STR_ARG(table->catalog));
        if (table->schema.len)
            buf_format(out, STR_FMT " . ", STR_ARG(table->schema));
        buf_format(out, STR_FMT " (%u): " STR_FMT "\n", STR_ARG(table->name), table->position,
                   STR_ARG(str_list_join(t->mem, &table->columns, STR(", "))));
    }
    if (tree->tables.len == 0)
        buf_format(out, "no table\n");
    return buf_str(out);
}

TEST(statements_are_read_or_refused_as_written)
{
    EXPECT(golden_run("sql", read_one) >= 120);
}
