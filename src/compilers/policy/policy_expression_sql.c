/* Expressions as SQL of our own, and as the values that they stand for. */
#include "policy/policy_expression.h"
#include "policy/policy_inside.h"

struct writer {
    struct arena *mem;
    const struct expression_scope *scope;
    struct buf *out;
};

static void write(struct writer *w, const struct policy_expression *e);

static void write_scalar(struct buf *out, const struct tree *scalar)
{
    double number;
    int64_t whole;
    bool truth;
    if (scalar->kind != TREE_SCALAR || tree_is_null(scalar))
        buf_add(out, STR("NULL"));
    else if (tree_is_bool(scalar, &truth))
        buf_add(out, truth ? STR("TRUE") : STR("FALSE"));
    else if (!scalar->quoted && str_to_i64(scalar->text, &whole))
        buf_format(out, "%lld", (long long)whole); /* no double keeps all of its digits */
    else if (!scalar->quoted && tree_is_number(scalar, &number))
        buf_format(out, "CAST('%.17g' AS DOUBLE)", number);
    else
        buf_add_literal(out, scalar->text);
}

static void add_text(struct arena *mem, struct tree *list, str text)
{
    tree_push(mem, list, tree_text(mem, text));
}

/* What the actor's attribute is; NULL when there is none. */
static const struct tree *attribute(struct arena *mem, const struct policy_actor *actor, str name)
{
    if (!actor)
        return NULL;
    if (str_eq(name, STR("id")))
        return tree_text(mem, actor->name);
    if (str_eq(name, STR("purpose")))
        return actor->purpose.len ? tree_text(mem, actor->purpose) : NULL;
    if (str_eq(name, STR("groups"))) {
        struct tree *list = tree_new(mem, TREE_LIST);
        for (size_t i = 0; i < actor->groups.len; i++)
            add_text(mem, list, actor->groups.at[i]);
        return list;
    }
    return tree_find(actor->attributes, name);
}

static void write_attribute(struct writer *w, const struct policy_expression *e)
{
    const struct tree *value = attribute(w->mem, w->scope->actor, e->text);
    if (!value || value->kind != TREE_LIST) {
        if (value && value->kind == TREE_SCALAR)
            write_scalar(w->out, value);
        else
            buf_add(w->out, STR("NULL"));
        return;
    }
    buf_add_byte(w->out, '[');
    for (size_t i = 0; i < value->len; i++) {
        buf_add(w->out, i ? STR(", ") : STR(""));
        write_scalar(w->out, value->at[i]);
    }
    buf_add_byte(w->out, ']');
}

/* A literal or an attribute that is written as a text. */
static bool is_text(const struct writer *w, const struct policy_expression *e)
{
    const struct tree *value =
        e->kind == EXPRESSION_ATTRIBUTE ? attribute(w->mem, w->scope->actor, e->text) : NULL;
    double number;
    bool truth;
    return e->kind == EXPRESSION_TEXT
        || (value && value->kind == TREE_SCALAR && !tree_is_null(value)
            && (value->quoted
                || (!tree_is_number(value, &number) && !tree_is_bool(value, &truth))));
}

static const struct policy_entitlement *find_entitlement(const struct expression_scope *scope,
                                                         const struct policy_expression *e)
{
    for (size_t i = 0; scope->policies && i < scope->policies->entitlements.len; i++) {
        const struct policy_entitlement *entitlement = &scope->policies->entitlements.at[i];
        if (str_eq(entitlement->table, e->table) && str_eq(entitlement->user, e->user)
            && str_eq(entitlement->value, e->value))
            return entitlement;
    }
    return NULL;
}

/* Is there anything in a list that is not known: a null, an attribute that the actor has not, an entitlement that nobody published? */
static bool has_unknown(const struct writer *w, const struct policy_expression *e)
{
    const struct policy_entitlement *entitlement;
    const struct tree *value;
    bool has = false;
    switch (e->kind) {
    case EXPRESSION_NULL:
        return true;
    case EXPRESSION_ATTRIBUTE:
        value = attribute(w->mem, w->scope->actor, e->text);
        has = !value || tree_is_null(value);
        for (size_t i = 0; value && value->kind == TREE_LIST && i < value->len; i++)
            has = has || value->at[i]->kind != TREE_SCALAR || tree_is_null(value->at[i]);
        return has;
    case EXPRESSION_LIST:
        for (size_t i = 0; i < e->children.len; i++)
            has = has || has_unknown(w, e->children.at[i]);
        return has;
    case EXPRESSION_ENTITLED:
        entitlement = find_entitlement(w->scope, e);
        return !w->scope->actor || !entitlement || entitlement->version == 0;
    case EXPRESSION_COLUMN:
    case EXPRESSION_VALUE:
    case EXPRESSION_BOOL:
    case EXPRESSION_NUMBER:
    case EXPRESSION_TEXT:
    case EXPRESSION_UNARY:
    case EXPRESSION_BINARY:
    case EXPRESSION_IN:
    case EXPRESSION_ANY:
    case EXPRESSION_CALL:
    case EXPRESSION_CASE:
    case EXPRESSION_CAST:
        break;
    }
    return false;
}

static void write_children(struct writer *w, const struct policy_expression *e, size_t from)
{
    for (size_t i = from; i < e->children.len; i++) {
        buf_add(w->out, i > from ? STR(", ") : STR(""));
        write(w, e->children.at[i]);
    }
}

static void write_column(struct writer *w, const struct policy_expression *e)
{
    const struct policy_column *column =
        w->scope->table ? policy_find_column(w->scope->table, e->parts.at[0]) : NULL;
    /* With a dot `source.x` would be the column x of the table that is cleared, whose name is source. */
    for (size_t i = 1; i < e->parts.len; i++)
        buf_add(w->out, STR("struct_extract("));
    buf_add_identifier(w->out, column ? column->name : e->parts.at[0]);
    for (size_t i = 1; i < e->parts.len; i++) {
        buf_add(w->out, STR(", "));
        buf_add_literal(w->out, e->parts.at[i]);
        buf_add_byte(w->out, ')');
    }
}

/* The type of a column of the table itself, where literals are compared in it; else empty. */
static str compared_type(const struct writer *w, const struct policy_expression *e)
{
    const struct policy_column *column =
        w->scope->table && e->kind == EXPRESSION_COLUMN && e->parts.len == 1
            ? policy_find_column(w->scope->table, e->parts.at[0])
            : NULL;
    return column && policy_has_values(column->type) ? column->type : STR_NONE;
}

/* A list that stands there as values: of literals, an attribute, an entitlement. A null in it makes what is not found unknown, so that
 * a negation shows no more than is known. */
static void write_membership(struct writer *w, const struct policy_expression *value,
                             const struct policy_expression *list, bool is_negated)
{
    struct str_list values = {0}, fitting = {0};
    str type = compared_type(w, value);
    (void)policy_expression_values(w->mem, list, w->scope, &values);
    for (size_t i = 0; i < values.len; i++)
        if (!type.len || policy_value_fits(type, values.at[i]))
            vec_push(w->mem, &fitting, values.at[i]);
    bool has_null = fitting.len < values.len || has_unknown(w, list);
    if (fitting.len == 0) {
        buf_add(w->out, has_null     ? STR("CAST(NULL AS BOOLEAN)")
                        : is_negated ? STR("(NOT FALSE)")
                                     : STR("FALSE"));
        return;
    }
    buf_add_byte(w->out, '(');
    write(w, value);
    buf_add(w->out, is_negated ? STR(" NOT IN (") : STR(" IN ("));
    for (size_t i = 0; i < fitting.len; i++) {
        buf_add(w->out, i ? STR(", ") : STR(""));
        buf_add_literal(w->out, fitting.at[i]);
    }
    buf_add(w->out, has_null ? STR(", NULL))") : STR("))"));
}

static void write_any(struct writer *w, const struct policy_expression *e)
{
    struct str_list values = {0};
    if (policy_expression_values(w->mem, e->children.at[1], w->scope, &values)) {
        write_membership(w, e->children.at[0], e->children.at[1], false);
        return;
    }
    buf_add(w->out, STR("list_contains("));
    write(w, e->children.at[1]);
    buf_add(w->out, STR(", "));
    write(w, e->children.at[0]);
    buf_add_byte(w->out, ')');
}

/* One of the values of IN: of an attribute that is a list, each. A text that the column cannot hold would be rounded by a cast. */
static void write_member(struct writer *w, const struct policy_expression *e, str type)
{
    const struct tree *value =
        e->kind == EXPRESSION_ATTRIBUTE ? attribute(w->mem, w->scope->actor, e->text) : NULL;
    struct str_list texts = {0};
    if (value && value->kind == TREE_LIST && value->len) {
        for (size_t i = 0; i < value->len; i++) {
            buf_add(w->out, i ? STR(", ") : STR(""));
            if (type.len && !policy_value_fits(type, value->at[i]->text))
                buf_add(w->out, STR("NULL"));
            else
                write_scalar(w->out, value->at[i]);
        }
    } else if ((value && value->kind == TREE_LIST)
               || (type.len && is_text(w, e)
                   && policy_expression_values(w->mem, e, w->scope, &texts) && texts.len == 1
                   && !policy_value_fits(type, texts.at[0]))) {
        buf_add(w->out, STR("NULL"));
    } else {
        write(w, e);
    }
}

static void write_in(struct writer *w, const struct policy_expression *e)
{
    str type = compared_type(w, e->children.at[0]);
    buf_add_byte(w->out, '(');
    write(w, e->children.at[0]);
    buf_add(w->out, e->is_negated ? STR(" NOT IN (") : STR(" IN ("));
    for (size_t i = 1; i < e->children.len; i++) {
        buf_add(w->out, i > 1 ? STR(", ") : STR(""));
        write_member(w, e->children.at[i], type);
    }
    buf_add(w->out, STR("))"));
}

static void write_case(struct writer *w, const struct policy_expression *e)
{
    size_t at = e->has_operand, end = e->children.len - e->has_else;
    buf_add(w->out, STR("(CASE"));
    if (e->has_operand) {
        buf_add_byte(w->out, ' ');
        write(w, e->children.at[0]);
    }
    for (; at + 1 < end + 1 && at < end; at += 2) {
        buf_add(w->out, STR(" WHEN "));
        write(w, e->children.at[at]);
        buf_add(w->out, STR(" THEN "));
        write(w, e->children.at[at + 1]);
    }
    if (e->has_else) {
        buf_add(w->out, STR(" ELSE "));
        write(w, e->children.at[end]);
    }
    buf_add(w->out, STR(" END)"));
}

/* A column beside a text that its type cannot hold, or beside a list: a cast would make something else of it. */
static bool is_beside_its_type(struct writer *w, const struct policy_expression *e)
{
    for (size_t i = 0; e->kind == EXPRESSION_BINARY && i < 2; i++) {
        const struct policy_expression *other = e->children.at[1 - i];
        str type = compared_type(w, e->children.at[i]);
        struct str_list texts = {0};
        if (!type.len || !shape_has_word("= <> < <= > >=", e->text))
            continue;
        if (policy_is_list(w->mem, other, w->scope)
            || (is_text(w, other) && policy_expression_values(w->mem, other, w->scope, &texts)
                && texts.len == 1 && !policy_value_fits(type, texts.at[0])))
            return true;
    }
    return false;
}

static void write_sign(struct writer *w, const struct policy_expression *e)
{
    bool is_prefix = e->kind == EXPRESSION_UNARY && !e->is_suffix;
    if (is_beside_its_type(w, e)) {
        buf_add(w->out, STR("CAST(NULL AS BOOLEAN)"));
        return;
    }
    buf_add_byte(w->out, '(');
    if (is_prefix)
        buf_format(w->out, STR_FMT " ", STR_ARG(e->text));
    write(w, e->children.at[0]);
    if (!is_prefix)
        buf_format(w->out, " " STR_FMT, STR_ARG(e->text));
    if (e->kind == EXPRESSION_BINARY) {
        buf_add_byte(w->out, ' ');
        write(w, e->children.at[1]);
    }
    buf_add_byte(w->out, ')');
}

static void write(struct writer *w, const struct policy_expression *e)
{
    switch (e->kind) {
    case EXPRESSION_COLUMN:
        write_column(w, e);
        break;
    case EXPRESSION_VALUE:
        buf_add(w->out, w->scope->value);
        break;
    case EXPRESSION_ATTRIBUTE:
        write_attribute(w, e);
        break;
    case EXPRESSION_NULL:
        buf_add(w->out, STR("NULL"));
        break;
    case EXPRESSION_BOOL:
    case EXPRESSION_NUMBER:
        buf_add(w->out, e->text);
        break;
    case EXPRESSION_TEXT:
        buf_add_literal(w->out, e->text);
        break;
    case EXPRESSION_LIST:
        buf_add_byte(w->out, '[');
        write_children(w, e, 0);
        buf_add_byte(w->out, ']');
        break;
    case EXPRESSION_UNARY:
    case EXPRESSION_BINARY:
        write_sign(w, e);
        break;
    case EXPRESSION_IN:
        write_in(w, e);
        break;
    case EXPRESSION_ANY:
        write_any(w, e);
        break;
    case EXPRESSION_ENTITLED:
        write_membership(w, e->children.at[0], e, e->is_negated);
        break;
    case EXPRESSION_CALL:
        buf_add(w->out, e->text);
        buf_add_byte(w->out, '(');
        write_children(w, e, 0);
        buf_add_byte(w->out, ')');
        break;
    case EXPRESSION_CASE:
        write_case(w, e);
        break;
    case EXPRESSION_CAST:
        buf_add(w->out, e->is_negated ? STR("TRY_CAST(") : STR("CAST("));
        write(w, e->children.at[0]);
        buf_format(w->out, " AS " STR_FMT ")", STR_ARG(e->text));
        break;
    }
}

void policy_expression_sql(struct arena *mem, const struct policy_expression *expression,
                           const struct expression_scope *scope, struct buf *out)
{
    struct writer w = {.mem = mem, .scope = scope, .out = out};
    write(&w, expression);
}

bool policy_is_list(struct arena *mem, const struct policy_expression *expression,
                    const struct expression_scope *scope)
{
    const struct tree *value = expression->kind == EXPRESSION_ATTRIBUTE
                                 ? attribute(mem, scope->actor, expression->text)
                                 : NULL;
    return value && value->kind == TREE_LIST;
}

static void add_scalar(struct arena *mem, struct str_list *out, const struct tree *scalar)
{
    if (scalar->kind == TREE_SCALAR && !tree_is_null(scalar))
        vec_push(mem, out, scalar->text);
}

static size_t first_of(const struct policy_entitlement *entitlement, str user)
{
    size_t low = 0, high = entitlement->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(entitlement->at[middle].user, user) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add_entitled(struct arena *mem, const struct policy_expression *e,
                         const struct expression_scope *scope, struct str_list *out)
{
    const struct policy_entitlement *entitlement = find_entitlement(scope, e);
    if (!entitlement || !scope->actor)
        return;
    for (size_t k = first_of(entitlement, scope->actor->name);
         k < entitlement->len && str_eq(entitlement->at[k].user, scope->actor->name); k++)
        vec_push(mem, out, entitlement->at[k].value);
}

bool policy_expression_values(struct arena *mem, const struct policy_expression *expression,
                              const struct expression_scope *scope, struct str_list *out)
{
    const struct tree *value;
    switch (expression->kind) {
    case EXPRESSION_NULL:
        return true;
    case EXPRESSION_BOOL:
    case EXPRESSION_NUMBER:
    case EXPRESSION_TEXT:
        vec_push(mem, out, expression->text);
        return true;
    case EXPRESSION_UNARY:
        if (!str_eq(expression->text, STR("-"))
            || expression->children.at[0]->kind != EXPRESSION_NUMBER)
            return false;
        vec_push(mem, out,
                 arena_format(mem, "-" STR_FMT, STR_ARG(expression->children.at[0]->text)));
        return true;
    case EXPRESSION_ATTRIBUTE:
        value = attribute(mem, scope->actor, expression->text);
        if (value && value->kind == TREE_SCALAR)
            add_scalar(mem, out, value);
        for (size_t i = 0; value && value->kind == TREE_LIST && i < value->len; i++)
            add_scalar(mem, out, value->at[i]);
        return true;
    case EXPRESSION_LIST:
        for (size_t i = 0; i < expression->children.len; i++)
            if (expression->children.at[i]->kind == EXPRESSION_LIST
                || !policy_expression_values(mem, expression->children.at[i], scope, out))
                return false;
        return true;
    case EXPRESSION_ENTITLED:
        add_entitled(mem, expression, scope, out);
        return true;
    case EXPRESSION_CAST: /* date '2026-01-31' */
        return expression->children.at[0]->kind == EXPRESSION_TEXT
            && policy_expression_values(mem, expression->children.at[0], scope, out);
    case EXPRESSION_COLUMN:
    case EXPRESSION_VALUE:
    case EXPRESSION_BINARY:
    case EXPRESSION_IN:
    case EXPRESSION_ANY:
    case EXPRESSION_CALL:
    case EXPRESSION_CASE:
        break;
    }
    return false;
}
