/* What an expression depends on. */
#include "lineage_inside.h"

enum { NAME_PARTS_MAX = 16 };

enum known_kind {
    KNOWN_AGGREGATE,
    KNOWN_LISTING,
    KNOWN_LAMBDA,
    KNOWN_ROWS,
    KNOWN_VOLATILE,
    KNOWN_KEYWORD
};

static const struct known {
    str name;
    enum known_kind kind;
} known[] = {
#define AGGREGATE(name) {STR(name), KNOWN_AGGREGATE},
#define LISTING(name) {STR(name), KNOWN_LISTING},
#define LAMBDA(name) {STR(name), KNOWN_LAMBDA},
#define ROWS(name) {STR(name), KNOWN_ROWS},
#define VOLATILE(name) {STR(name), KNOWN_VOLATILE},
#define KEYWORD(name) {STR(name), KNOWN_KEYWORD},
#include "lineage/lineage_functions.def"
#undef AGGREGATE
#undef LISTING
#undef LAMBDA
#undef ROWS
#undef VOLATILE
#undef KEYWORD
};

static bool is_known(str name, enum known_kind kind)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].kind == kind && known[i].name.len == name.len
            && str_eq_nocase(known[i].name, name))
            return true;
    return false;
}

bool lineage_is_aggregate(str name)
{
    return is_known(name, KNOWN_AGGREGATE);
}

bool lineage_is_listing(str name)
{
    return is_known(name, KNOWN_LISTING);
}

bool lineage_takes_lambda(str name)
{
    return is_known(name, KNOWN_LAMBDA);
}

bool lineage_makes_rows(str name)
{
    return is_known(name, KNOWN_ROWS);
}

bool lineage_is_keyword(str name)
{
    return is_known(name, KNOWN_KEYWORD);
}

/* Operands of one expression, merged as they come. */
struct operands {
    struct lineage_walk *w;
    const struct lineage_scope *scope;
    struct lineage_set *set;
    size_t len; /* those that depend on anything */
};

static void add_set(struct operands *o, const struct lineage_set *set, enum lineage_role role)
{
    o->len += set->len > 0;
    lineage_merge(o->w, o->set, set, role, 0, 0);
}

static void add(struct operands *o, const struct tree *node, enum lineage_role role)
{
    struct lineage_set set = {0};

    if (!node || node->kind != TREE_MAP)
        return;
    lineage_value(o->w, o->scope, node, &set);
    add_set(o, &set, role);
}

static void add_list(struct operands *o, const struct tree *list, enum lineage_role role)
{
    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len; i++)
        add(o, list->at[i], role);
}

/* The value of two operands tells one by the other: a predicate over it is one over both, whatever each is alone. */
static void close_operands(struct operands *o, struct lineage_set *out)
{
    lineage_merge(o->w, out, o->set, LINEAGE_AS_IS, o->len > 1 ? LINEAGE_TIES : 0, 0);
}

static void value_of_name(struct lineage_walk *w, const struct lineage_scope *scope,
                          const struct tree *names, struct lineage_set *out)
{
    str parts[NAME_PARTS_MAX];
    size_t len = lineage_texts(names, parts, NAME_PARTS_MAX);

    if (len)
        lineage_resolve(w, scope, parts, len, out);
}

/* `x.lower()` and `t.x.lower()` are read by the engine as functions of a schema x. */
static void add_method(struct operands *o, const struct tree *node, enum lineage_role role)
{
    str catalog = tree_find_text(node, STR("catalog")),
        schema = tree_find_text(node, STR("schema"));
    str parts[2];
    size_t len = 0;
    struct lineage_set set = {0};

    if (catalog.len)
        parts[len++] = catalog;
    if (schema.len)
        parts[len++] = schema;
    if (!len || (len == 1 && str_eq(schema, STR("main")))
        || (len == 2 && str_eq_nocase(catalog, STR("system"))))
        return;
    lineage_resolve(o->w, o->scope, parts, len, &set);
    add_set(o, &set, role);
}

static void push_parameters(struct lineage_walk *w, const struct tree *node)
{
    const struct tree *list = tree_find(node, STR("children"));
    str parts[1];

    if (lineage_texts(tree_find(node, STR("column_names")), parts, 1)) {
        struct lineage_name *name = ARENA_NEW(w->mem, struct lineage_name);

        *name = (struct lineage_name){parts[0], w->parameters};
        w->parameters = name;
    }
    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len; i++)
        push_parameters(w, list->at[i]);
}

static void add_lambda(struct operands *o, const struct tree *node)
{
    const struct lineage_name *before = o->w->parameters;
    const struct tree *lhs = tree_find(node, STR("lhs"));

    if (lhs)
        push_parameters(o->w, lhs);
    add(o, tree_find(node, STR("expr")), LINEAGE_AS_OPERAND);
    o->w->parameters = before;
}

/* Rows that a predicate over several tables let through are counted by any aggregate. */
static void add_loose_rows(struct lineage_walk *w, const struct lineage_set *rows,
                           struct lineage_set *out)
{
    for (size_t i = 0; rows && i < rows->len; i++)
        if (rows->at[i].bits & LINEAGE_LOOSE)
            lineage_add(w, out, rows->at[i].atom, rows->at[i].bits & LINEAGE_ALL_KINDS);
}

static void add_orders(struct operands *o, const struct tree *orders, enum lineage_role role,
                       uint32_t less)
{
    for (size_t i = 0; orders && orders->kind == TREE_LIST && i < orders->len; i++) {
        const struct tree *key = tree_find(orders->at[i], STR("expression"));
        struct lineage_set set = {0};

        if (!key)
            continue;
        lineage_value(o->w, o->scope, key, &set);
        lineage_tie(o->w, &set, role == LINEAGE_AS_SORT ? LINEAGE_SORT : LINEAGE_WINDOW);
        lineage_merge(o->w, o->set, &set, role, 0, less);
    }
}

static void value_of_function(struct lineage_walk *w, const struct lineage_scope *scope,
                              const struct tree *node, struct lineage_set *out)
{
    str name = tree_find_text(node, STR("function_name"));
    const struct tree *children = tree_find(node, STR("children")),
                      *filter = tree_find(node, STR("filter")),
                      *orders = tree_find(tree_find(node, STR("order_bys")), STR("orders"));
    bool is_distinct = false;
    struct lineage_set set = {0};
    struct operands o = {w, scope, &set, 0};

    (void)tree_is_bool(tree_find(node, STR("distinct")), &is_distinct);
    bool is_aggregate =
        lineage_is_aggregate(name) || filter || is_distinct || (orders && orders->len);
    enum lineage_role role = is_aggregate ? LINEAGE_AS_ARGUMENT : LINEAGE_AS_OPERAND;

    add_method(&o, node, role);
    for (size_t i = 0; children && children->kind == TREE_LIST && i < children->len; i++) {
        if (sql_shape_of(SQL_FAMILY_EXPRESSION, children->at[i]) == SQL_SHAPE_LAMBDA
            && lineage_takes_lambda(name))
            add_lambda(&o, children->at[i]);
        else
            add(&o, children->at[i], role);
    }
    if (filter) {
        struct lineage_set mentioned = {0};

        lineage_predicate(w, scope, filter, LINEAGE_AS_CONDITION, &mentioned);
        add_set(&o, &mentioned, LINEAGE_AS_CONDITION);
    }
    close_operands(&o, &set);
    add_orders(&o, orders, LINEAGE_AS_SORT, 0);
    lineage_merge(w, out, &set, LINEAGE_AS_IS, 0, LINEAGE_LOOSE);
    if (is_aggregate)
        add_loose_rows(w, scope->rows, out);
    if ((is_aggregate || lineage_makes_rows(name) || is_known(name, KNOWN_VOLATILE)) && !set.len)
        lineage_make(w, out, scope->node, 0);
}

static void value_of_window(struct lineage_walk *w, const struct lineage_scope *scope,
                            const struct tree *node, struct lineage_set *out)
{
    const struct tree *partitions = tree_find(node, STR("partitions")),
                      *children = tree_find(node, STR("children"));
    struct lineage_set set = {0}, keys = {0};
    struct operands o = {w, scope, &set, 0}, k = {w, scope, &keys, 0};
    enum lineage_role role = str_eq(tree_find_text(node, STR("type")), STR("WINDOW_AGGREGATE"))
                               ? LINEAGE_AS_ARGUMENT
                               : LINEAGE_AS_OPERAND;

    add_method(&o, node, role);
    add_list(&o, children, role);
    add(&o, tree_find(node, STR("start_expr")), LINEAGE_AS_OPERAND);
    add(&o, tree_find(node, STR("end_expr")), LINEAGE_AS_OPERAND);
    add(&o, tree_find(node, STR("offset_expr")), LINEAGE_AS_OPERAND);
    add(&o, tree_find(node, STR("default_expr")), LINEAGE_AS_OPERAND);
    add(&o, tree_find(node, STR("filter_expr")), LINEAGE_AS_CONDITION);
    add_orders(&o, tree_find(node, STR("arg_orders")), LINEAGE_AS_WINDOW, 0);
    close_operands(&o, out);
    for (size_t i = 0; partitions && partitions->kind == TREE_LIST && i < partitions->len; i++) {
        struct lineage_set key = {0};

        lineage_value(w, scope, partitions->at[i], &key);
        lineage_tie(w, &key, LINEAGE_WINDOW);
        lineage_merge(w, &keys, &key, LINEAGE_AS_WINDOW, 0, LINEAGE_TIES);
    }
    /* A rank held against a constant picks rows; it does not tie the keys that it is counted by. */
    add_orders(&k, tree_find(node, STR("orders")), LINEAGE_AS_WINDOW, set.len ? 0 : LINEAGE_TIES);
    lineage_merge(w, out, &keys, LINEAGE_AS_IS, 0, 0);
    add_loose_rows(w, scope->rows, out);
    if (!out->len)
        lineage_make(w, out, scope->node, 0);
}

static void value_of_subquery(struct lineage_walk *w, const struct lineage_scope *scope,
                              const struct tree *node, struct lineage_set *out)
{
    str type = tree_find_text(node, STR("subquery_type"));
    const struct tree *subquery = tree_find(node, STR("subquery"));
    struct lineage_result result = {0};
    struct lineage_set set = {0};
    struct operands o = {w, scope, &set, 0};

    if (!subquery) {
        w->is_spent = true;
        return;
    }
    lineage_query(w, subquery, scope, &result);
    if (str_eq(type, STR("SCALAR"))) {
        lineage_fields_set(w, &result.fields, LINEAGE_AS_IS, &set);
    } else if (!str_eq(type, STR("EXISTS")) && !str_eq(type, STR("NOT_EXISTS"))) {
        struct lineage_set values = {0};

        lineage_fields_set(w, &result.fields, LINEAGE_AS_IS, &values);
        add(&o, tree_find(node, STR("child")), LINEAGE_AS_OPERAND);
        add_set(&o, &values, LINEAGE_AS_OPERAND);
    }
    close_operands(&o, out);
    lineage_merge(w, out, &set, LINEAGE_AS_IS, 0, 0);
    /* Which rows there are decides the value. */
    lineage_merge(w, out, &result.rows, LINEAGE_AS_CONDITION, 0, LINEAGE_TIES | LINEAGE_LOOSE);
}

static void value_of_case(struct lineage_walk *w, const struct lineage_scope *scope,
                          const struct tree *node, struct lineage_set *out)
{
    const struct tree *checks = tree_find(node, STR("case_checks"));
    struct lineage_set set = {0};
    struct operands o = {w, scope, &set, 0};

    for (size_t i = 0; checks && checks->kind == TREE_LIST && i < checks->len; i++) {
        add(&o, tree_find(checks->at[i], STR("when_expr")), LINEAGE_AS_CONDITION);
        add(&o, tree_find(checks->at[i], STR("then_expr")), LINEAGE_AS_OPERAND);
    }
    add(&o, tree_find(node, STR("else_expr")), LINEAGE_AS_OPERAND);
    close_operands(&o, out);
}

/* Any other expression is made of those inside of it. */
static void value_of_parts(struct lineage_walk *w, const struct lineage_scope *scope,
                           enum sql_shape shape, const struct tree *node, struct lineage_set *out)
{
    struct lineage_set set = {0};
    struct operands o = {w, scope, &set, 0};

    /* Which keys of a grouping set are there depends on no row. */
    if (str_eq(tree_find_text(node, STR("type")), STR("GROUPING_FUNCTION"))) {
        lineage_make(w, out, scope->node, 0);
        return;
    }
    for (size_t i = 0; i < node->len; i++) {
        const struct sql_key *key = sql_key_of(shape, node->at[i]->key);

        if (!key || key->family != SQL_FAMILY_EXPRESSION)
            continue;
        if (node->at[i]->kind == TREE_LIST)
            add_list(&o, node->at[i], LINEAGE_AS_OPERAND);
        else
            add(&o, node->at[i], LINEAGE_AS_OPERAND);
    }
    close_operands(&o, out);
}

static void value_of_star(struct lineage_walk *w, const struct lineage_scope *scope,
                          const struct tree *node, struct lineage_set *out)
{
    struct lineage_fields fields = {0};

    if (w->star) {
        lineage_merge(w, out, w->star, LINEAGE_AS_IS, 0, 0);
        return;
    }
    (void)lineage_star_fields(w, scope, node, &fields);
    lineage_fields_set(w, &fields, LINEAGE_AS_OPERAND, out);
}

static void value_of_position(struct lineage_walk *w, const struct lineage_scope *scope,
                              const struct tree *node, struct lineage_set *out)
{
    const struct lineage_fields *fields = &scope->from->visible;
    int64_t index = 0;
    bool is_open = !tree_is_int(tree_find(node, STR("index")), &index) || index < 1
                || (uint64_t)index > fields->len;

    for (size_t i = 0; !is_open && i < (size_t)index; i++)
        is_open = fields->at[i].is_open;
    if (is_open)
        lineage_fields_set(w, fields, LINEAGE_AS_OPERAND, out);
    else
        lineage_merge(w, out, fields->at[index - 1].set, LINEAGE_AS_IS, 0, 0);
}

void lineage_value(struct lineage_walk *w, const struct lineage_scope *scope,
                   const struct tree *node, struct lineage_set *out)
{
    enum sql_shape shape = sql_shape_of(SQL_FAMILY_EXPRESSION, node);

    if (!lineage_step(w, 1))
        return;
    switch (shape) {
    case SQL_SHAPE_CONSTANT:
    case SQL_SHAPE_PARAMETER:
        break;
    case SQL_SHAPE_COLUMN_REF:
        value_of_name(w, scope, tree_find(node, STR("column_names")), out);
        break;
    case SQL_SHAPE_STAR:
        value_of_star(w, scope, node, out);
        break;
    case SQL_SHAPE_POSITIONAL_REFERENCE:
        value_of_position(w, scope, node, out);
        break;
    case SQL_SHAPE_FUNCTION:
        value_of_function(w, scope, node, out);
        break;
    case SQL_SHAPE_WINDOW:
        value_of_window(w, scope, node, out);
        break;
    case SQL_SHAPE_SUBQUERY:
        value_of_subquery(w, scope, node, out);
        break;
    case SQL_SHAPE_CASE:
        value_of_case(w, scope, node, out);
        break;
    case SQL_SHAPE_BETWEEN:
    case SQL_SHAPE_CAST:
    case SQL_SHAPE_COLLATE:
    case SQL_SHAPE_COMPARISON:
    case SQL_SHAPE_CONJUNCTION:
    case SQL_SHAPE_LAMBDA: /* an arrow into JSON */
    case SQL_SHAPE_OPERATOR:
        value_of_parts(w, scope, shape, node, out);
        break;
    default:
        w->is_spent = true;
    }
}

/* Of two columns, as `a.id = b.id`. */
static bool is_plain_equality(const struct tree *node)
{
    str type = tree_find_text(node, STR("type"));
    const struct tree *left = tree_find(node, STR("left")), *right = tree_find(node, STR("right"));

    return (str_eq(type, STR("COMPARE_EQUAL")) || str_eq(type, STR("COMPARE_NOT_DISTINCT_FROM")))
        && left && right && str_eq(tree_find_text(left, STR("class")), STR("COLUMN_REF"))
        && str_eq(tree_find_text(right, STR("class")), STR("COLUMN_REF"));
}

static void predicate_over(struct lineage_walk *w, const struct lineage_scope *scope,
                           const struct tree *node, enum lineage_role role,
                           struct lineage_set *rows)
{
    struct lineage_set mentioned = {0};

    lineage_value(w, scope, node, &mentioned);
    uint32_t loose =
        lineage_tie(w, &mentioned, role == LINEAGE_AS_JOIN ? LINEAGE_JOIN : LINEAGE_FILTER);

    lineage_merge(w, rows, &mentioned, role, is_plain_equality(node) ? 0 : loose,
                  role == LINEAGE_AS_CONDITION ? 0 : LINEAGE_TIES);
}

void lineage_predicate(struct lineage_walk *w, const struct lineage_scope *scope,
                       const struct tree *node, enum lineage_role role, struct lineage_set *rows)
{
    const struct tree *children = tree_find(node, STR("children"));

    if (str_eq(tree_find_text(node, STR("type")), STR("CONJUNCTION_AND")) && children
        && children->kind == TREE_LIST) {
        for (size_t i = 0; i < children->len; i++)
            lineage_predicate(w, scope, children->at[i], role, rows);
        return;
    }
    const struct tree *star = w->star ? NULL : lineage_find_star(node);

    if (!star) {
        predicate_over(w, scope, node, role, rows);
        return;
    }
    /* `COLUMNS(*) > 0` is one predicate for each column. */
    struct lineage_fields fields = {0};

    (void)lineage_star_fields(w, scope, star, &fields);
    for (size_t i = 0; i < fields.len; i++) {
        w->star = fields.at[i].set;
        predicate_over(w, scope, node, role, rows);
    }
    w->star = NULL;
}
