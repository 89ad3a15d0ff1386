/* From the engine's JSON to a checked tree with its names. */
#include "limits/limits.h"
#include "sql/sql_inside.h"

/* The engine could not parse the text, or it is no SELECT. */
static bool refuse_document(struct task *t, const struct tree *document)
{
    str kind = tree_find_text(document, STR("error_type"));
    str message = tree_find_text(document, STR("error_message"));
    uint64_t position;
    if (str_eq(kind, STR("not implemented")) && str_starts(message, STR("Only SELECT"))) {
        task_fail(t, ERR_REFUSED, "only SELECT is let through");
        return task_hint(t, "data change by `weft run`, definitions by `weft apply`");
    }
    task_fail(t, ERR_SYNTAX, STR_FMT,
              STR_ARG(message.len ? message : STR("the text cannot be parsed")));
    if (str_to_u64(tree_find_text(document, STR("position")), &position)
        && position < SQL_POSITION_MAX)
        task_position(t, (uint32_t)position + 1);
    return false;
}

bool sql_read(struct task *t, str text, const struct tree *document, struct sql_tree **out)
{
    bool is_error = true;
    const struct tree *error = tree_find(document, STR("error"));
    if (!document || document->kind != TREE_MAP || !error || !tree_is_bool(error, &is_error))
        return task_fail(t, ERR_ENGINE, "the engine's tree is malformed");
    if (is_error)
        return refuse_document(t, document);
    const struct tree *statements = tree_find(document, STR("statements"));
    if (!statements || statements->kind != TREE_LIST || statements->len == 0) {
        task_fail(t, ERR_SYNTAX, "the text holds no statement");
        return task_hint(t, "write one SELECT");
    }
    if (statements->len > 1) {
        task_fail(t, ERR_SYNTAX, "the text holds %zu statements; one is let through",
                  statements->len);
        return task_hint(t, "send them one by one");
    }
    if (!sql_check_tree(t, statements->at[0]))
        return false;
    const struct tree *root = tree_find(statements->at[0], STR("node"));
    if (!root)
        return task_fail(t, ERR_ENGINE, "the engine's tree is malformed");
    struct sql_tree *tree = ARENA_NEW(t->mem, struct sql_tree);
    tree->magic = SQL_TREE_MAGIC;
    tree->text = text;
    tree->root = statements->at[0];
    sql_find_tables(t->mem, statements->at[0], tree);
    *out = tree;
    return true;
}
