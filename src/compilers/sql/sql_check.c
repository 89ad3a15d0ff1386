/* First walk over a tree: what is not on the lists of sql_nodes.def and sql_functions.def is refused, with its position. */
#include "limits/limits.h"
#include "sql/sql_inside.h"

struct check {
    struct task *t;
    uint32_t nodes;
    uint32_t position; /* of the innermost node that has one */
    uint32_t depth, arrows;
};

enum cap { CAP_REPEAT, CAP_RANGE, CAP_FORMAT };

static const str table_functions[] = {
#define TABLE_FUNCTION(name) STR(name),
#define REFUSED(name, why)
#define REFUSED_PREFIX(name, why)
#define CAPPED(name, argument, cap)
#include "sql/sql_functions.def"
#undef TABLE_FUNCTION
#undef REFUSED
#undef REFUSED_PREFIX
#undef CAPPED
};

static const struct refused {
    str name;
    bool is_prefix;
    const char *why;
} refused[] = {
#define TABLE_FUNCTION(name)
#define REFUSED(name, why) {STR(name), false, why},
#define REFUSED_PREFIX(name, why) {STR(name), true, why},
#define CAPPED(name, argument, cap)
#include "sql/sql_functions.def"
#undef TABLE_FUNCTION
#undef REFUSED
#undef REFUSED_PREFIX
#undef CAPPED
};

static const struct capped {
    str name;
    size_t argument;
    enum cap cap;
} capped[] = {
#define TABLE_FUNCTION(name)
#define REFUSED(name, why)
#define REFUSED_PREFIX(name, why)
#define CAPPED(name, argument, cap) {STR(name), argument, CAP_##cap},
#include "sql/sql_functions.def"
#undef TABLE_FUNCTION
#undef REFUSED
#undef REFUSED_PREFIX
#undef CAPPED
};

static bool check_node(struct check *c, enum sql_family family, const struct tree *node);

/* What an unlisted word of the engine means to a user. */
static bool refuse_word(struct check *c, enum sql_family family, const struct tree *node)
{
    str word = tree_find_text(node, family == SQL_FAMILY_EXPRESSION ? STR("class") : STR("type"));
    if (str_eq(word, STR("SHOW_REF"))) {
        task_fail(c->t, ERR_REFUSED, "SHOW, DESCRIBE and SUMMARIZE are no queries over data");
        task_hint(c->t, "ask the tables of the mesh schema, as SELECT * FROM mesh.columns");
    } else if (str_eq(word, STR("DEFAULT"))) {
        task_fail(c->t, ERR_REFUSED, "DEFAULT has no meaning in a SELECT");
    } else {
        task_fail(c->t, ERR_REFUSED, "this part of the statement (%.*s) is not let through",
                  (int)(word.len > 60 ? 60 : word.len), word.len ? word.ptr : "");
        task_hint(c->t, "write it in plain SELECT, FROM, WHERE, GROUP BY, ORDER BY");
    }
    return task_position(c->t, c->position);
}

static bool refuse_key(struct check *c, const struct tree *child)
{
    if (str_eq(child->key, STR("sample"))) {
        task_fail(c->t, ERR_REFUSED, "samples are refused: they depend on how rows lie in files");
        task_hint(c->t, "use ORDER BY hash(key) LIMIT n for a sample that repeats");
    } else if (str_eq(child->key, STR("at_clause"))) {
        task_fail(c->t, ERR_REFUSED, "AT is not let through");
        task_hint(c->t, "name a past release of a product as \"product#N\"");
    } else if (str_eq(child->key, STR("export_state"))) {
        task_fail(c->t, ERR_REFUSED, "EXPORT_STATE is not let through");
    } else {
        task_fail(c->t, ERR_REFUSED, "this part of the statement (" STR_FMT ") is not let through",
                  STR_ARG(child->key));
    }
    return task_position(c->t, c->position);
}

static bool is_texts(const struct tree *node, int levels)
{
    if (node->kind == TREE_SCALAR)
        return true;
    if (node->kind != TREE_LIST || levels == 0)
        return false;
    for (size_t i = 0; i < node->len; i++)
        if (!is_texts(node->at[i], levels - 1))
            return false;
    return true;
}

static bool is_nothing(const struct tree *node)
{
    bool value;
    return node->kind == TREE_NULL || (node->kind == TREE_LIST && node->len == 0)
        || (tree_is_bool(node, &value) && !value);
}

static bool check_nodes(struct check *c, const struct sql_key *key, const struct tree *list)
{
    if (list->kind != TREE_LIST)
        return refuse_key(c, list);
    for (size_t i = 0; i < list->len; i++) {
        const struct tree *child = list->at[i];
        if (key->holds == SQL_HOLDS_GRID) {
            if (child->kind != TREE_LIST)
                return refuse_key(c, list);
            for (size_t k = 0; k < child->len; k++)
                if (!check_node(c, key->family, child->at[k]))
                    return false;
        } else if (!check_node(c, key->family, child)) {
            return false;
        }
    }
    return true;
}

static bool check_key(struct check *c, enum sql_shape shape, const struct tree *child)
{
    const struct sql_key *key = sql_key_of(shape, child->key);
    if (!key)
        /* A key that a later engine adds may say anything; what says nothing does no harm. */
        return is_nothing(child) ? true : refuse_key(c, child);
    switch (key->holds) {
    case SQL_HOLDS_LEAF:
        return child->kind == TREE_NULL || child->kind == TREE_SCALAR || refuse_key(c, child);
    case SQL_HOLDS_TEXTS:
        return child->kind == TREE_NULL || is_texts(child, 2) || refuse_key(c, child);
    case SQL_HOLDS_NOTHING:
        return is_nothing(child) || refuse_key(c, child);
    case SQL_HOLDS_ONE:
        return child->kind == TREE_NULL || check_node(c, key->family, child);
    case SQL_HOLDS_VALUE:
        return child->kind != TREE_MAP && child->kind != TREE_LIST
                 ? true
                 : check_node(c, key->family, child);
    case SQL_HOLDS_MANY:
    case SQL_HOLDS_GRID:
        return check_nodes(c, key, child);
    }
    return refuse_key(c, child);
}

/* The number of a literal, through signs and casts; false when it is none. */
static bool literal_number(const struct tree *node, double *out)
{
    str class = tree_find_text(node, STR("class"));
    if (str_eq(class, STR("CAST")))
        return tree_find(node, STR("child")) && literal_number(tree_find(node, STR("child")), out);
    if (str_eq(class, STR("FUNCTION"))) {
        const struct tree *children = tree_find(node, STR("children"));
        bool is_minus = str_eq(tree_find_text(node, STR("function_name")), STR("-"));
        if (!is_minus || !children || children->len != 1 || !literal_number(children->at[0], out))
            return false;
        *out = -*out;
        return true;
    }
    if (!str_eq(class, STR("CONSTANT")))
        return false;
    const struct tree *value = tree_find(node, STR("value"));
    const struct tree *number = tree_find(value, STR("value"));
    if (!number)
        return false;
    if (number->kind == TREE_MAP) { /* 128 bits: larger than any cap in either direction */
        *out = str_starts(tree_find_text(number, STR("upper")), STR("-")) ? -1e30 : 1e30;
        return true;
    }
    if (number->kind != TREE_SCALAR || !str_to_f64(str_trim(number->text), out))
        return false;
    const struct tree *info = tree_find(tree_find(value, STR("type")), STR("type_info"));
    uint64_t scale = 0;
    (void)str_to_u64(tree_find_text(info, STR("scale")), &scale);
    for (; scale > 0 && scale <= 38; scale--)
        *out /= 10;
    return true;
}

static bool over_cap(struct check *c, str name, double found, double most)
{
    if (found < 1e18)
        task_fail(c->t, ERR_LIMIT, "%.0f is too large an argument of " STR_FMT, found,
                  STR_ARG(name));
    else
        task_fail(c->t, ERR_LIMIT, "the argument of " STR_FMT " is too large", STR_ARG(name));
    task_hint(c->t, "at most %.0f", most);
    return task_position(c->t, c->position);
}

static bool check_range(struct check *c, str name, const struct tree *arguments)
{
    double bounds[3] = {0, 0, 1};
    bool known[3] = {true, false, true};
    for (size_t i = 0; i < arguments->len && i < 3; i++)
        known[i] = literal_number(arguments->at[i], &bounds[i]);
    if (arguments->len == 1) {
        bounds[1] = bounds[0];
        known[1] = known[0];
        bounds[0] = 0;
        known[0] = true;
    }
    if (!known[0] || !known[1] || !known[2] || bounds[2] == 0)
        return true;
    double values = (bounds[1] - bounds[0]) / bounds[2];
    return values <= SQL_RANGE_MAX || over_cap(c, name, values, SQL_RANGE_MAX);
}

/* Widths in a format text, as `%9999999d`; and `*`, whose width is an argument. */
static bool check_format(struct check *c, str name, const struct tree *arguments)
{
    const struct tree *value = tree_find(tree_find(arguments->at[0], STR("value")), STR("value"));
    str format = value && value->kind == TREE_SCALAR ? value->text : STR_NONE;
    bool takes_width = str_has(format, '*') || str_find(format, STR("{:{")) < format.len;
    double number = 0;
    for (size_t i = 0; i < format.len; i++) {
        char digit = format.ptr[i];
        number = digit >= '0' && digit <= '9' ? number * 10 + (digit - '0') : 0;
        if (number > SQL_REPEAT_MAX)
            return over_cap(c, name, number, SQL_REPEAT_MAX);
    }
    for (size_t i = 1; takes_width && i < arguments->len; i++)
        if (literal_number(arguments->at[i], &number) && number > SQL_REPEAT_MAX)
            return over_cap(c, name, number, SQL_REPEAT_MAX);
    return true;
}

static bool check_caps(struct check *c, str name, const struct tree *arguments)
{
    for (size_t i = 0; i < sizeof capped / sizeof capped[0]; i++) {
        if (!str_eq_nocase(capped[i].name, name) || !arguments || arguments->kind != TREE_LIST
            || arguments->len <= capped[i].argument)
            continue;
        double number;
        if (capped[i].cap == CAP_RANGE)
            return check_range(c, name, arguments);
        if (capped[i].cap == CAP_FORMAT)
            return check_format(c, name, arguments);
        if (literal_number(arguments->at[capped[i].argument], &number) && number > SQL_REPEAT_MAX)
            return over_cap(c, name, number, SQL_REPEAT_MAX);
    }
    return true;
}

static bool check_function(struct check *c, const struct tree *node)
{
    str name = tree_find_text(node, STR("function_name"));
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        str head = refused[i].is_prefix ? str_sub(name, 0, refused[i].name.len) : name;
        if (!str_eq_nocase(head, refused[i].name))
            continue;
        task_fail(c->t, ERR_REFUSED, "function " STR_FMT " is refused: %s", STR_ARG(name),
                  refused[i].why);
        return task_position(c->t, c->position);
    }
    return check_caps(c, name, tree_find(node, STR("children")));
}

static bool check_table_function(struct check *c, const struct tree *node)
{
    str name = tree_find_text(node, STR("function_name"));
    str schema = tree_find_text(node, STR("schema")),
        catalog = tree_find_text(node, STR("catalog"));
    bool is_listed = str_eq(tree_find_text(node, STR("class")), STR("FUNCTION"))
                  && (schema.len == 0 || str_eq_nocase(schema, STR("main")))
                  && (catalog.len == 0 || str_eq_nocase(catalog, STR("system")));
    bool found = false;
    for (size_t i = 0; i < sizeof table_functions / sizeof table_functions[0]; i++)
        found = found || str_eq_nocase(table_functions[i], name);
    if (!is_listed || !found) {
        task_fail(c->t, ERR_REFUSED, "function " STR_FMT " is refused in FROM", STR_ARG(name));
        task_hint(c->t, "allowed are range, generate_series, unnest, repeat, repeat_row, json_each "
                        "and json_tree; data are named as domain.product.table");
        return task_position(c->t, c->position);
    }
    return check_caps(c, name, tree_find(node, STR("children")));
}

static bool is_arrow(enum sql_shape shape, const struct tree *node)
{
    if (shape == SQL_SHAPE_LAMBDA)
        return true;
    str name = shape == SQL_SHAPE_FUNCTION ? tree_find_text(node, STR("function_name")) : STR_NONE;
    return str_eq(name, STR("->")) || str_eq(name, STR("->>"));
}

static bool check_limits(struct check *c)
{
    if (c->nodes > SQL_NODES_MAX) {
        task_fail(c->t, ERR_LIMIT, "the statement has more than %d parts", SQL_NODES_MAX);
        task_hint(c->t, "join with a table of values instead of listing them");
    } else if (c->depth > SQL_DEPTH_MAX) {
        task_fail(c->t, ERR_LIMIT, "the statement nests deeper than %d levels", SQL_DEPTH_MAX);
        task_hint(c->t, "name parts of it in WITH");
    } else if (c->arrows > SQL_ARROWS_MAX) {
        task_fail(c->t, ERR_LIMIT, "more than %d arrows (-> and ->>) stand inside each other",
                  SQL_ARROWS_MAX);
        task_hint(c->t, "use one path, as json_extract_string(doc, '$.a.b.c')");
    } else {
        return true;
    }
    return task_position(c->t, c->position);
}

static bool check_node(struct check *c, enum sql_family family, const struct tree *node)
{
    uint32_t position = c->position;
    c->position = node->kind == TREE_MAP ? sql_position_of(node, position) : position;
    enum sql_shape shape = sql_shape_of(family, node);
    if (shape == SQL_SHAPE_UNKNOWN)
        return refuse_word(c, family, node);
    bool arrow = is_arrow(shape, node);
    c->arrows += arrow;
    c->depth++;
    if (family == SQL_FAMILY_EXPRESSION || family == SQL_FAMILY_TABLE || family == SQL_FAMILY_QUERY)
        c->nodes++;
    bool ok = check_limits(c);
    if (ok && (shape == SQL_SHAPE_FUNCTION || shape == SQL_SHAPE_WINDOW))
        ok = check_function(c, node);
    if (ok && shape == SQL_SHAPE_TABLE_CALL)
        ok = check_table_function(c, node);
    for (size_t i = 0; ok && i < node->len; i++)
        ok = check_key(c, shape, node->at[i]);
    c->depth--;
    c->arrows -= arrow;
    c->position = position;
    return ok;
}

bool sql_check_tree(struct task *t, const struct tree *statement)
{
    struct check c = {.t = t};
    return check_node(&c, SQL_FAMILY_STATEMENT, statement);
}
