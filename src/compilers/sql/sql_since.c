#include "sql/sql_since.h"

#include "limits/limits.h"

struct finder {
    struct arena *mem;
    str value, type;
    const struct tree *from;
    str why;
};

static bool is_word(const struct tree *node, const char *key, const char *word)
{
    return str_eq(tree_find_text(node, str_of(key)), str_of(word));
}

static bool is_empty(const struct tree *node, const char *key)
{
    const struct tree *value = tree_find(node, str_of(key));
    if (!value || tree_is_null(value))
        return true;
    return value->kind == TREE_SCALAR ? value->text.len == 0 : value->len == 0;
}

static bool fail(struct finder *f, const char *why)
{
    f->why = str_of(why);
    return false;
}

/* ---- the value */

static bool is_since(const struct finder *f, const struct tree *node)
{
    const struct tree *child = tree_find(node, STR("child"));
    const struct tree *type = tree_find(node, STR("cast_type"));
    const struct tree *value = tree_find(child, STR("value"));
    bool is_try = true;
    return is_word(node, "class", "CAST") && is_word(child, "class", "CONSTANT")
        && tree_is_bool(tree_find(node, STR("try_cast")), &is_try) && !is_try
        && str_eq(tree_find_text(type, STR("id")), f->type) && is_empty(type, "type_info")
        && is_word(tree_find(value, STR("type")), "id", "VARCHAR")
        && str_eq(tree_find_text(value, STR("value")), f->value);
}

/* ---- the table */

/* How often a table is named anywhere. */
static size_t count_tables(const struct tree *node, str schema, str table)
{
    size_t count = is_word(node, "type", "BASE_TABLE")
                && str_eq_nocase(tree_find_text(node, STR("schema_name")), schema)
                && str_eq_nocase(tree_find_text(node, STR("table_name")), table);
    for (size_t i = 0; node->kind != TREE_SCALAR && i < node->len; i++)
        count += count_tables(node->at[i], schema, table);
    return count;
}

/* A condition on rows of a table may be asked before the joins on the way to it. */
static bool keeps_rows(const struct tree *join, bool is_left)
{
    bool is_plain = is_word(join, "ref_type", "REGULAR") || is_word(join, "ref_type", "CROSS");
    return is_plain
        && (is_word(join, "join_type", "INNER") || (is_left && is_word(join, "join_type", "LEFT")));
}

static str name_of(const struct tree *table)
{
    str alias = tree_find_text(table, STR("alias"));
    return alias.len ? alias : tree_find_text(table, STR("table_name"));
}

/* The table that a qualifier means, or the only one; NULL with a reason. */
static const struct tree *find_table(struct finder *f, const struct tree *from, str qualifier,
                                     bool may_move)
{
    if (!is_empty(from, "sample"))
        return fail(f, "a sample is taken before WHERE"), NULL;
    if (is_word(from, "type", "BASE_TABLE")) {
        if (qualifier.len && !str_eq_nocase(name_of(from), qualifier))
            return NULL;
        if (!may_move)
            return fail(f, "an outer join makes rows of its rows"), NULL;
        if (!is_empty(from, "column_name_alias") || !is_empty(from, "at_clause"))
            return fail(f, "its columns have other names here"), NULL;
        return from;
    }
    if (!is_word(from, "type", "JOIN") || !qualifier.len)
        return NULL;
    const struct tree *left = tree_find(from, STR("left")), *right = tree_find(from, STR("right"));
    const struct tree *found =
        left ? find_table(f, left, qualifier, may_move && keeps_rows(from, true)) : NULL;
    return found || !right ? found
                           : find_table(f, right, qualifier, may_move && keeps_rows(from, false));
}

/* ---- the condition */

static bool take_column(struct finder *f, const struct tree *column, bool is_in,
                        struct sql_since *out)
{
    const struct tree *names = tree_find(column, STR("column_names"));
    if (!is_word(column, "class", "COLUMN_REF") || !names || names->kind != TREE_LIST
        || !names->len)
        return fail(f, "what is compared with $since is no column");
    if (names->len > 2)
        return fail(f,
                    "the column that is compared with $since has a longer name than table.column");
    str qualifier = names->len == 2 ? names->at[0]->text : STR_NONE;
    const struct tree *table = find_table(f, f->from, qualifier, true);
    if (!table)
        return f->why.len ? false : fail(f, "the column does not say of which table it is");
    *out = (struct sql_since){.schema = tree_find_text(table, STR("schema_name")),
                              .table = tree_find_text(table, STR("table_name")),
                              .column = names->at[names->len - 1]->text,
                              .qualifier = qualifier,
                              .is_in = is_in};
    return out->schema.len && is_empty(table, "catalog_name")
             ? true
             : fail(f, "it is no table of an input port");
}

/* `column > since`, either way round. */
static bool take_comparison(struct finder *f, const struct tree *node, struct sql_since *out)
{
    static const struct {
        const char *type;
        bool is_mirrored, is_in;
    } comparisons[] = {{"COMPARE_GREATERTHAN", false, false},
                       {"COMPARE_GREATERTHANOREQUALTO", false, true},
                       {"COMPARE_LESSTHAN", true, false},
                       {"COMPARE_LESSTHANOREQUALTO", true, true}};
    const struct tree *left = tree_find(node, STR("left")), *right = tree_find(node, STR("right"));
    for (size_t i = 0; left && right && i < sizeof comparisons / sizeof *comparisons; i++) {
        const struct tree *column = comparisons[i].is_mirrored ? right : left;
        const struct tree *since = comparisons[i].is_mirrored ? left : right;
        if (is_word(node, "type", comparisons[i].type) && is_since(f, since))
            return take_column(f, column, comparisons[i].is_in, out);
    }
    return false;
}

static bool take_condition(struct finder *f, const struct tree *node, struct sql_since *out)
{
    if (is_word(node, "class", "COMPARISON"))
        return take_comparison(f, node, out);
    const struct tree *children = tree_find(node, STR("children"));
    if (!is_word(node, "class", "CONJUNCTION") || !is_word(node, "type", "CONJUNCTION_AND")
        || !children || children->kind != TREE_LIST)
        return false;
    for (size_t i = 0; i < children->len; i++)
        if (take_condition(f, children->at[i], out))
            return true;
    return false;
}

bool sql_find_since(struct arena *mem, const struct sql_tree *tree, str value, str type,
                    struct sql_since *out, str *why_out)
{
    struct finder f = {.mem = mem, .value = value, .type = type};
    const struct tree *inner = tree_find(tree->root, STR("node"));
    const struct tree *select = inner ? inner : tree->root;
    const struct tree *ctes = tree_find(tree_find(select, STR("cte_map")), STR("map"));
    const struct tree *where = tree_find(select, STR("where_clause"));
    *why_out = STR_NONE;
    *out = (struct sql_since){.is_in = false};
    f.from = tree_find(select, STR("from_table"));
    bool ok = false;
    if (!is_word(select, "type", "SELECT_NODE") || !f.from)
        (void)fail(&f, "it is not one SELECT");
    else if (ctes && ctes->kind == TREE_LIST && ctes->len)
        (void)fail(&f, "it has a WITH");
    else if (!is_empty(select, "sample"))
        (void)fail(&f, "a sample is taken before WHERE");
    else if (!where || tree_is_null(where) || !take_condition(&f, where, out))
        ok = false;
    else if (count_tables(select, out->schema, out->table) != 1)
        (void)fail(&f, "it reads the table more than once");
    else
        ok = true;
    if (!ok && !f.why.len)
        (void)fail(&f, "its WHERE does not say column > $since on its own or with AND");
    *why_out = f.why;
    return ok;
}
