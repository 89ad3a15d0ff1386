#include "lineage/lineage_proof.h"

#include "lineage_inside.h"

enum { INTERNAL_MOST = 16 };

static const struct tree *select_of(const struct sql_tree *tree)
{
    const struct tree *node = tree_find(tree->root, STR("node"));
    const struct tree *ctes = tree_find(tree_find(node, STR("cte_map")), STR("map"));

    return node && sql_shape_of(SQL_FAMILY_QUERY, node) == SQL_SHAPE_SELECT_NODE
                && (!ctes || !ctes->len)
             ? node
             : NULL;
}

static const struct tree *one_table(const struct tree *select)
{
    const struct tree *from = tree_find(select, STR("from_table"));

    return from && sql_shape_of(SQL_FAMILY_TABLE, from) == SQL_SHAPE_BASE_TABLE ? from : NULL;
}

static str name_of(const struct tree *item)
{
    str alias = tree_find_text(item, STR("alias"));
    const struct tree *names = tree_find(item, STR("column_names"));

    return alias.len || !names || names->kind != TREE_LIST || !names->len
             ? alias
             : names->at[names->len - 1]->text;
}

static const struct tree *find_item(const struct tree *select, str name)
{
    const struct tree *list = tree_find(select, STR("select_list")), *found = NULL;

    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len; i++)
        if (str_eq_nocase(name_of(list->at[i]), name)) {
            if (found)
                return NULL;
            found = list->at[i];
        }
    return found;
}

static const struct tree *without_casts(const struct tree *node)
{
    while (node && sql_shape_of(SQL_FAMILY_EXPRESSION, node) == SQL_SHAPE_CAST)
        node = tree_find(node, STR("child"));
    return node;
}

/* The column that an aggregate takes: of count(*) none, which is fine too. */
static bool takes_one_column(const struct tree *call, str *column_out)
{
    const struct tree *children = tree_find(call, STR("children")),
                      *orders = tree_find(tree_find(call, STR("order_bys")), STR("orders"));

    *column_out = STR_NONE;
    if (tree_find(call, STR("filter")) || (orders && orders->len)
        || tree_find_text(call, STR("schema")).len)
        return false;
    if (!children || !children->len)
        return str_eq_nocase(tree_find_text(call, STR("function_name")), STR("count_star"));
    if (children->len != 1)
        return false;
    const struct tree *argument = without_casts(children->at[0]);
    const struct tree *names = argument ? tree_find(argument, STR("column_names")) : NULL;

    if (!names || names->kind != TREE_LIST || !names->len || names->len > 3)
        return false;
    *column_out = names->at[names->len - 1]->text;
    return true;
}

/* No one row decides on it: min, max, any_value, lists and their kin show a row's value as it is. */
static bool is_of_many(const struct tree *item, str *column_out)
{
    static const char *const names[] = {"avg",  "count", "count_star", "fsum", "kahan_sum",
                                        "mean", "sum",   "sumkahan",   NULL};
    const struct tree *call = without_casts(item);
    str name = call ? tree_find_text(call, STR("function_name")) : STR_NONE;

    if (!call || sql_shape_of(SQL_FAMILY_EXPRESSION, call) != SQL_SHAPE_FUNCTION)
        return false;
    for (const char *const *at = names; *at; at++)
        if (str_eq_nocase(name, str_of(*at)))
            return takes_one_column(call, column_out);
    return false;
}

static str find_count(const struct tree *select, str subject)
{
    const struct tree *list = tree_find(select, STR("select_list"));

    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len; i++) {
        const struct tree *call = without_casts(list->at[i]);
        bool is_distinct = false;
        str column;

        if (!call || sql_shape_of(SQL_FAMILY_EXPRESSION, call) != SQL_SHAPE_FUNCTION
            || !str_eq_nocase(tree_find_text(call, STR("function_name")), STR("count"))
            || !tree_is_bool(tree_find(call, STR("distinct")), &is_distinct) || !is_distinct
            || !takes_one_column(call, &column) || !str_eq_nocase(column, subject))
            continue;
        return name_of(list->at[i]);
    }
    return STR_NONE;
}

/* Nothing in it looks beyond its own row. */
static bool is_of_its_row(const struct tree *node)
{
    enum sql_shape shape = sql_shape_of(SQL_FAMILY_EXPRESSION, node);

    switch (shape) {
    case SQL_SHAPE_CONSTANT:
    case SQL_SHAPE_COLUMN_REF:
        return true;
    case SQL_SHAPE_FUNCTION:
        if (lineage_is_aggregate(tree_find_text(node, STR("function_name")))
            || lineage_makes_rows(tree_find_text(node, STR("function_name"))))
            return false;
        break;
    case SQL_SHAPE_BETWEEN:
    case SQL_SHAPE_CASE:
    case SQL_SHAPE_CAST:
    case SQL_SHAPE_COLLATE:
    case SQL_SHAPE_COMPARISON:
    case SQL_SHAPE_CONJUNCTION:
    case SQL_SHAPE_OPERATOR:
        break;
    default:
        return false;
    }
    for (size_t i = 0; i < node->len; i++) {
        const struct tree *child = node->at[i];
        const struct sql_key *key = sql_key_of(shape, child->key);

        if (!key || key->family == SQL_FAMILY_NONE || key->family == SQL_FAMILY_TYPE
            || key->family == SQL_FAMILY_MODIFIER)
            continue;
        if (child->kind == TREE_MAP && !is_of_its_row(child))
            return false;
        for (size_t k = 0; child->kind == TREE_LIST && k < child->len; k++) {
            const struct tree *part = child->at[k];
            const struct tree *when = tree_find(part, STR("when_expr")),
                              *then = tree_find(part, STR("then_expr"));

            if (key->family == SQL_FAMILY_CASE_CHECK
                    ? !when || !then || !is_of_its_row(when) || !is_of_its_row(then)
                    : part->kind != TREE_MAP || !is_of_its_row(part))
                return false;
        }
    }
    return true;
}

static const struct sql_tree *find_text(const struct lineage_texts *internal, str name)
{
    for (size_t i = 0; i < internal->len; i++)
        if (str_eq_nocase(internal->at[i].name, name))
            return internal->at[i].tree;
    return NULL;
}

/* An internal table that gives, row for row, what one table has: the subject as it is, the column made of its own row. */
static bool is_row_for_row(const struct lineage_texts *internal, const struct tree *table,
                           str column, str subject, int depth, str *why)
{
    if (!str_eq_nocase(tree_find_text(table, STR("schema_name")), STR("self")))
        return true;
    const struct sql_tree *tree = find_text(internal, tree_find_text(table, STR("table_name")));
    const struct tree *select = tree && depth < INTERNAL_MOST ? select_of(tree) : NULL;
    const struct tree *below = select ? one_table(select) : NULL;
    const struct tree *groups = select ? tree_find(select, STR("group_expressions")) : NULL;
    const struct tree *names = tree_find(table, STR("column_name_alias"));

    if (!below || (groups && groups->len) || (names && names->len)
        || !str_eq(tree_find_text(select, STR("aggregate_handling")), STR("STANDARD_HANDLING"))) {
        *why = STR("the internal table that it groups is no plain SELECT of one table");
        return false;
    }
    const struct tree *key = find_item(select, subject),
                      *value = column.len ? find_item(select, column) : NULL;
    const struct tree *source = key ? tree_find(key, STR("column_names")) : NULL;

    if (!source || source->kind != TREE_LIST || !source->len) {
        *why = STR("the internal table that it groups does not pass the subject on as it is");
        return false;
    }
    if (column.len && (!value || !is_of_its_row(value))) {
        *why = STR("the internal table that it groups does not make the value of one row");
        return false;
    }
    const struct tree *value_names = value ? tree_find(value, STR("column_names")) : NULL;
    str below_column = value_names && value_names->kind == TREE_LIST && value_names->len
                         ? value_names->at[value_names->len - 1]->text
                         : STR_NONE;
    bool is_computed = column.len && !below_column.len;

    /* What a computed value is made of would have to be followed name by name. */
    if (is_computed && str_eq_nocase(tree_find_text(below, STR("schema_name")), STR("self"))) {
        *why = STR("the value is computed over an internal table that is made of another one");
        return false;
    }
    return is_row_for_row(internal, below, below_column, source->at[source->len - 1]->text,
                          depth + 1, why);
}

bool lineage_counts_subjects(struct arena *mem, const struct sql_tree *tree,
                             const struct lineage_texts *internal, str column, str subject,
                             str *counted_by, str *why)
{
    const struct tree *select = select_of(tree), *table = select ? one_table(select) : NULL;
    str argument;

    *counted_by = STR_NONE;
    if (!table || sql_hides_alias(mem, tree->text)) {
        *why = STR("its SELECT does not group one table: joins and WITH can give a single "
                   "subject's value to a whole group");
        return false;
    }
    const struct tree *names = tree_find(table, STR("column_name_alias"));
    const struct tree *item = find_item(select, column);

    if (!item || (names && names->len) || !is_of_many(item, &argument)) {
        *why = STR("it is not count, sum or avg of one column, without FILTER and ORDER BY");
        return false;
    }
    *counted_by = find_count(select, subject);
    if (!counted_by->len) {
        *why = arena_format(mem, "no column of its SELECT is count(DISTINCT " STR_FMT ")",
                            STR_ARG(subject));
        return false;
    }
    return is_row_for_row(internal, table, argument, subject, 0, why);
}
