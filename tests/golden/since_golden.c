/* Which texts let a source be asked for the rows behind `$since` alone, which is CAST('20' AS BIGINT) here. */
#include "cases.h"
#include "limits/limits.h"
#include "sql/sql_since.h"
#include "test.h"
#include "json/json.h"

static const struct json_limits limits = {
    .bytes = SQL_TREE_BYTES_MAX, .depth = JSON_DEPTH_MAX, .nodes = 2000000};

static str find_tree(struct task *t, const struct golden_case *c)
{
    str all = golden_file(t->mem, arena_format(t->mem, "since/%s.trees", c->file).ptr);
    str title = arena_format(t->mem, "== " STR_FMT "\n", STR_ARG(c->title));
    size_t at = str_find(all, title);
    str line, rest;
    if (at == all.len)
        return STR_NONE;
    str_cut(str_from(all, at + title.len), '\n', &line, &rest);
    return line;
}

static str find_one(struct task *t, const struct golden_case *c)
{
    str statement, why;
    struct tree *document;
    struct sql_tree *tree;
    struct sql_since since;
    if (!sql_statement(t, golden_section(c, "sql"), &statement)
        || !json_read(t, t->mem, find_tree(t, c), &limits, &document)
        || !sql_read(t, statement, document, &tree))
        return arena_format(t->mem, "error: " STR_FMT, STR_ARG(t->err.message));
    if (!sql_find_since(t->mem, tree, STR("20"), STR("BIGINT"), &since, &why))
        return arena_format(t->mem, "no: " STR_FMT, STR_ARG(why));
    return arena_format(t->mem, STR_FMT "." STR_FMT ": " STR_FMT "%s" STR_FMT " %s 20",
                        STR_ARG(since.schema), STR_ARG(since.table), STR_ARG(since.qualifier),
                        since.qualifier.len ? "." : "", STR_ARG(since.column),
                        since.is_in ? ">=" : ">");
}

TEST(rows_behind_since_are_asked_for_where_that_is_provable)
{
    EXPECT(golden_run("since", find_one) >= 30);
}
