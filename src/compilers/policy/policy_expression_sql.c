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
    bool truth;
    if (scalar->kind != TREE_SCALAR || tree_is_null(scalar))
        buf_add(out, STR("NULL"));
    else if (tree_is_bool(scalar, &truth))
        buf_add(out, truth ? STR("TRUE") : STR("FALSE"));
    else if (!scalar->quoted && tree_is_number(scalar, &number) && number == (double)(int64_t)number
             && number < 9e15 && number > -9e15)
        buf_format(out, "%lld", (long long)number);
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
    buf_add_identifier(w->out, column ? column->name : e->parts.at[0]);
    for (size_t i = 1; i < e->parts.len; i++) {
        buf_add_byte(w->out, '.');
        buf_add_identifier(w->out, e->parts.at[i]);
    }
}

/* A list that stands there as values: of literals, an attribute, an entitlement. */
static void write_membership(struct writer *w, const struct policy_expression *value,
                             const struct str_list *values, bool is_negated)
{
    if (values->len == 0) {
        buf_add(w->out, is_negated ? STR("(NOT FALSE)") : STR("FALSE"));
        return;
    }
    buf_add_byte(w->out, '(');
    write(w, value);
    buf_add(w->out, is_negated ? STR(" NOT IN (") : STR(" IN ("));
    for (size_t i = 0; i < values->len; i++) {
        buf_add(w->out, i ? STR(", ") : STR(""));
        buf_add_literal(w->out, values->at[i]);
    }
    buf_add(w->out, STR("))"));
}

static void write_any(struct writer *w, const struct policy_expression *e)
{
    struct str_list values = {0};
    if (policy_expression_values(w->mem, e->children.at[1], w->scope, &values)) {
        write_membership(w, e->children.at[0], &values, false);
        return;
    }
    buf_add(w->out, STR("list_contains("));
    write(w, e->children.at[1]);
    buf_add(w->out, STR(", "));
    write(w, e->children.at[0]);
    buf_add_byte(w->out, ')');
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

static void write_sign(struct writer *w, const struct policy_expression *e)
{
    bool is_prefix = e->kind == EXPRESSION_UNARY && !e->is_suffix;
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
    struct str_list values = {0};
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
        buf_add_byte(w->out, '(');
        write(w, e->children.at[0]);
        buf_add(w->out, e->is_negated ? STR(" NOT IN (") : STR(" IN ("));
        write_children(w, e, 1);
        buf_add(w->out, STR("))"));
        break;
    case EXPRESSION_ANY:
        write_any(w, e);
        break;
    case EXPRESSION_ENTITLED:
        (void)policy_expression_values(w->mem, e, w->scope, &values);
        write_membership(w, e->children.at[0], &values, e->is_negated);
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
    for (size_t i = 0; scope->policies && scope->actor && i < scope->policies->entitlements.len;
         i++) {
        const struct policy_entitlement *entitlement = &scope->policies->entitlements.at[i];
        if (!str_eq(entitlement->table, e->table) || !str_eq(entitlement->user, e->user)
            || !str_eq(entitlement->value, e->value))
            continue;
        for (size_t k = first_of(entitlement, scope->actor->name);
             k < entitlement->len && str_eq(entitlement->at[k].user, scope->actor->name); k++)
            vec_push(mem, out, entitlement->at[k].value);
        return;
    }
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
