/* Second walk over a tree: which names in FROM are tables, and which of their columns the text may read.
 *
 * A column without a table before it is given to every table in sight: never fewer than the engine reads. */
#include "sql/sql_inside.h"

enum { NO_TABLE = -1 };

/* A name that columns can be asked of. */
struct relation {
    str catalog, schema, name; /* of a table; empty otherwise */
    str alias;
    int table;       /* index in tree->tables, or NO_TABLE */
    bool is_renamed; /* FROM t (a, b): names of columns say nothing about the table's */
};

struct scope {
    const struct scope *outer;
    VEC_OF(struct relation)
};

struct cte {
    str name;
    bool is_recursive; /* while its own body is walked */
    const struct cte *next;
};

struct walk {
    struct arena *mem;
    struct sql_tree *tree;
    struct scope *scope;
    const struct cte *ctes;
    uint32_t position;
};

static void walk_node(struct walk *w, enum sql_family family, const struct tree *node);

static void read_column(struct walk *w, const struct relation *relation, str column)
{
    if (relation->table == NO_TABLE)
        return;
    struct str_list *columns = &w->tree->tables.at[relation->table].columns;
    str_list_add(w->mem, columns, relation->is_renamed ? STR("*") : arena_lower(w->mem, column));
}

/* `parts` is one name with dots: [catalog.][schema.]table.column[.field …], or a column, or a whole row. */
static void read_name_of(struct walk *w, const struct relation *r, const str *parts, size_t len)
{
    if (r->table == NO_TABLE)
        return;
    read_column(w, r, parts[0]);
    if (str_eq_nocase(parts[0], r->alias))
        read_column(w, r, len > 1 ? parts[1] : STR("*"));
    if (len < 2)
        return;
    bool is_schema = r->schema.len && str_eq_nocase(parts[0], r->schema);
    bool is_catalog = r->catalog.len && str_eq_nocase(parts[0], r->catalog);
    if ((is_schema || is_catalog)
        && (str_eq_nocase(parts[1], r->name) || str_eq_nocase(parts[1], r->alias)))
        read_column(w, r, len > 2 ? parts[2] : STR("*"));
    if (len > 2 && is_catalog && str_eq_nocase(parts[1], r->schema)
        && (str_eq_nocase(parts[2], r->name) || str_eq_nocase(parts[2], r->alias)))
        read_column(w, r, len > 3 ? parts[3] : STR("*"));
}

static void read_name(struct walk *w, const str *parts, size_t len)
{
    for (const struct scope *scope = w->scope; scope; scope = scope->outer)
        for (size_t i = 0; i < scope->len; i++)
            read_name_of(w, &scope->at[i], parts, len);
}

static void read_all(struct walk *w, const struct scope *scope, size_t from)
{
    for (size_t i = from; i < scope->len; i++)
        read_column(w, &scope->at[i], STR("*"));
}

static void read_star(struct walk *w, const struct tree *node)
{
    str relation = tree_find_text(node, STR("relation_name"));
    if (relation.len == 0) {
        read_all(w, w->scope, 0);
        return;
    }
    str parts[2] = {relation, STR("*")};
    read_name(w, parts, 2);
}

static void read_column_ref(struct walk *w, const struct tree *node)
{
    const struct tree *names = tree_find(node, STR("column_names"));
    str parts[8];
    size_t len = 0;
    for (size_t i = 0; names && i < names->len && len < 8; i++)
        parts[len++] = names->at[i]->text;
    if (len)
        read_name(w, parts, len);
}

/* `x.lower()` and `t.x.lower()` are read by the engine as functions of a schema x. */
static void read_method(struct walk *w, const struct tree *node)
{
    str parts[2];
    size_t len = 0;
    str catalog = tree_find_text(node, STR("catalog")),
        schema = tree_find_text(node, STR("schema"));
    if (str_eq_nocase(tree_find_text(node, STR("function_name")), STR("columns")))
        read_all(w, w->scope, 0);
    if (catalog.len)
        parts[len++] = catalog;
    if (schema.len)
        parts[len++] = schema;
    if (len && !(len == 1 && str_eq(schema, STR("main"))))
        read_name(w, parts, len);
}

static bool is_cte(const struct walk *w, str catalog, str schema, str name)
{
    if (catalog.len || (schema.len && !str_eq_nocase(schema, STR("recurring"))))
        return false;
    for (const struct cte *cte = w->ctes; cte; cte = cte->next)
        if (str_eq_nocase(cte->name, name) && (schema.len == 0 || cte->is_recursive))
            return true;
    return false;
}

static int table_index(struct walk *w, str catalog, str schema, str name)
{
    for (size_t i = 0; i < w->tree->tables.len; i++) {
        const struct sql_table *table = &w->tree->tables.at[i];
        if (str_eq_nocase(table->name, name) && str_eq_nocase(table->schema, schema)
            && str_eq_nocase(table->catalog, catalog))
            return (int)i;
    }
    struct sql_table *table = vec_add(w->mem, &w->tree->tables);
    *table = (struct sql_table){
        .catalog = catalog, .schema = schema, .name = name, .position = w->position};
    return (int)w->tree->tables.len - 1;
}

static bool has_names(const struct tree *node)
{
    const struct tree *names = tree_find(node, STR("column_name_alias"));
    return names && names->len > 0;
}

static void walk_base_table(struct walk *w, const struct tree *node)
{
    struct relation r = {.catalog = tree_find_text(node, STR("catalog_name")),
                         .schema = tree_find_text(node, STR("schema_name")),
                         .name = tree_find_text(node, STR("table_name")),
                         .alias = tree_find_text(node, STR("alias")),
                         .table = NO_TABLE,
                         .is_renamed = has_names(node)};
    if (r.alias.len == 0)
        r.alias = r.name;
    if (!is_cte(w, r.catalog, r.schema, r.name))
        r.table = table_index(w, r.catalog, r.schema, r.name);
    vec_push(w->mem, w->scope, r);
}

/* A name given to a join or pivot: the tables inside answer to it too. */
static void add_alias(struct walk *w, const struct tree *node, size_t from)
{
    str alias = tree_find_text(node, STR("alias"));
    size_t len = w->scope->len;
    for (size_t i = from; alias.len && i < len; i++) {
        struct relation r = w->scope->at[i];
        r.alias = alias;
        r.is_renamed = r.is_renamed || has_names(node);
        vec_push(w->mem, w->scope, r);
    }
}

static void walk_keys(struct walk *w, enum sql_shape shape, const struct tree *node)
{
    for (size_t i = 0; i < node->len; i++) {
        const struct tree *child = node->at[i];
        const struct sql_key *key = sql_key_of(shape, child->key);
        if (!key || key->family == SQL_FAMILY_NONE)
            continue;
        if (child->kind == TREE_MAP)
            walk_node(w, key->family, child);
        for (size_t k = 0; child->kind == TREE_LIST && k < child->len; k++) {
            if (key->holds != SQL_HOLDS_GRID) {
                walk_node(w, key->family, child->at[k]);
                continue;
            }
            for (size_t m = 0; m < child->at[k]->len; m++)
                walk_node(w, key->family, child->at[k]->at[m]);
        }
    }
}

static void walk_join(struct walk *w, const struct tree *node)
{
    size_t from = w->scope->len;
    const struct tree *left = tree_find(node, STR("left")), *right = tree_find(node, STR("right"));
    if (left)
        walk_node(w, SQL_FAMILY_TABLE, left);
    if (right)
        walk_node(w, SQL_FAMILY_TABLE, right);
    /* Which columns a natural join compares is known to the engine alone. */
    if (str_eq(tree_find_text(node, STR("ref_type")), STR("NATURAL")))
        read_all(w, w->scope, from);
    const struct tree *names = tree_find(node, STR("using_columns"));
    for (size_t i = 0; names && i < names->len; i++)
        for (size_t k = from; k < w->scope->len; k++)
            read_column(w, &w->scope->at[k], names->at[i]->text);
    const struct tree *condition = tree_find(node, STR("condition"));
    if (condition)
        walk_node(w, SQL_FAMILY_EXPRESSION, condition);
    add_alias(w, node, from);
}

static void walk_pivot(struct walk *w, const struct tree *node)
{
    size_t from = w->scope->len;
    walk_keys(w, SQL_SHAPE_PIVOT, node);
    read_all(w, w->scope, from); /* what is not named is grouped by or passed on */
    add_alias(w, node, from);
}

static void walk_ctes(struct walk *w, const struct tree *map)
{
    const struct tree *entries = tree_find(map, STR("map"));
    for (size_t i = 0; entries && i < entries->len; i++) {
        const struct tree *statement =
            tree_find(tree_find(entries->at[i], STR("value")), STR("query"));
        struct cte *cte = ARENA_NEW(w->mem, struct cte);
        *cte = (struct cte){.name = tree_find_text(entries->at[i], STR("key")), .next = w->ctes};
        const struct tree *body = tree_find(statement, STR("node"));
        cte->is_recursive =
            body && sql_shape_of(SQL_FAMILY_QUERY, body) == SQL_SHAPE_RECURSIVE_CTE_NODE;
        const struct cte *before = w->ctes;
        if (cte->is_recursive)
            w->ctes = cte;
        if (statement)
            walk_node(w, SQL_FAMILY_STATEMENT, statement);
        w->ctes = before;
        cte->is_recursive = false;
        w->ctes = cte;
    }
}

/* ORDER BY ALL sorts by what the select list has read already. */
static bool is_order_by_all(const struct tree *modifier)
{
    const struct tree *orders = tree_find(modifier, STR("orders"));
    if (!orders || orders->kind != TREE_LIST || orders->len != 1)
        return false;
    const struct tree *star = tree_find(orders->at[0], STR("expression"));
    return str_eq(tree_find_text(star, STR("class")), STR("STAR")) && !tree_find(star, STR("expr"))
        && tree_find_text(star, STR("relation_name")).len == 0;
}

static void walk_query(struct walk *w, enum sql_shape shape, const struct tree *node)
{
    struct scope *outer = w->scope;
    const struct cte *ctes = w->ctes;
    struct scope scope = {.outer = outer};
    walk_ctes(w, tree_find(node, STR("cte_map")));
    if (shape == SQL_SHAPE_SELECT_NODE)
        w->scope = &scope;
    const struct tree *from = tree_find(node, STR("from_table"));
    if (from)
        walk_node(w, SQL_FAMILY_TABLE, from);
    for (size_t i = 0; i < node->len; i++) {
        const struct tree *child = node->at[i];
        if (str_eq(child->key, STR("cte_map")) || str_eq(child->key, STR("from_table"))
            || str_eq(child->key, STR("key_targets")))
            continue;
        const struct sql_key *key = sql_key_of(shape, child->key);
        if (!key || key->family == SQL_FAMILY_NONE)
            continue;
        if (child->kind == TREE_MAP)
            walk_node(w, key->family, child);
        for (size_t k = 0; child->kind == TREE_LIST && k < child->len; k++)
            if (!is_order_by_all(child->at[k]))
                walk_node(w, key->family, child->at[k]);
    }
    w->scope = outer;
    w->ctes = ctes;
}

static void walk_node(struct walk *w, enum sql_family family, const struct tree *node)
{
    uint32_t position = w->position;
    w->position = sql_position_of(node, position);
    enum sql_shape shape = sql_shape_of(family, node);
    switch (shape) {
    case SQL_SHAPE_SELECT_NODE:
    case SQL_SHAPE_SET_OPERATION_NODE:
    case SQL_SHAPE_RECURSIVE_CTE_NODE:
        walk_query(w, shape, node);
        break;
    case SQL_SHAPE_BASE_TABLE:
        walk_base_table(w, node);
        break;
    case SQL_SHAPE_JOIN:
        walk_join(w, node);
        break;
    case SQL_SHAPE_PIVOT:
        walk_pivot(w, node);
        break;
    case SQL_SHAPE_COLUMN_REF:
        read_column_ref(w, node);
        break;
    case SQL_SHAPE_STAR:
        read_star(w, node);
        walk_keys(w, shape, node);
        break;
    case SQL_SHAPE_POSITIONAL_REFERENCE:
        read_all(w, w->scope, 0);
        break;
    case SQL_SHAPE_FUNCTION:
        read_method(w, node);
        walk_keys(w, shape, node);
        break;
    default:
        walk_keys(w, shape, node);
    }
    w->position = position;
}

void sql_find_tables(struct arena *mem, const struct tree *statement, struct sql_tree *tree)
{
    struct scope outermost = {0};
    struct walk w = {.mem = mem, .tree = tree, .scope = &outermost};
    walk_node(&w, SQL_FAMILY_STATEMENT, statement);
}
