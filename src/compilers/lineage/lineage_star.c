/* Parts of a SELECT list that stand for several columns: stars, COLUMNS(…), what unnest() makes of a struct. */
#include "lineage_inside.h"

const struct tree *lineage_find_star(const struct tree *node)
{
    enum sql_shape shape = sql_shape_of(SQL_FAMILY_EXPRESSION, node);

    if (shape == SQL_SHAPE_STAR)
        return node;
    if (shape == SQL_SHAPE_SUBQUERY || shape == SQL_SHAPE_UNKNOWN)
        return NULL;
    for (size_t i = 0; i < node->len; i++) {
        const struct tree *child = node->at[i];
        const struct sql_key *key = sql_key_of(shape, child->key);
        const struct tree *found = NULL;

        if (!key || key->family == SQL_FAMILY_NONE)
            continue;
        if (child->kind == TREE_MAP)
            found = key->family == SQL_FAMILY_EXPRESSION ? lineage_find_star(child) : NULL;
        for (size_t k = 0; !found && child->kind == TREE_LIST && k < child->len; k++) {
            const struct tree *item = child->at[k];

            if (key->family == SQL_FAMILY_EXPRESSION && item->kind == TREE_MAP) {
                found = lineage_find_star(item);
            } else if (key->family == SQL_FAMILY_CASE_CHECK) {
                const struct tree *when = tree_find(item, STR("when_expr")),
                                  *then = tree_find(item, STR("then_expr"));

                found = when ? lineage_find_star(when) : NULL;
                if (!found && then)
                    found = lineage_find_star(then);
            }
        }
        if (found)
            return found;
    }
    return NULL;
}

/* ---- which columns */

static bool is_listed(const struct tree *list, str name)
{
    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len; i++)
        if (list->at[i]->kind == TREE_SCALAR && str_eq_nocase(list->at[i]->text, name))
            return true;
    return false;
}

static bool is_name_of(const struct tree *qualified, const struct lineage_field *field)
{
    str table = tree_find_text(qualified, STR("table"));

    return str_eq_nocase(tree_find_text(qualified, STR("column")), field->name)
        && (!table.len || str_eq_nocase(table, field->owner));
}

static bool is_excluded(const struct tree *star, const struct lineage_field *field)
{
    const struct tree *qualified = tree_find(star, STR("qualified_exclude_list"));

    if (is_listed(tree_find(star, STR("exclude_list")), field->name))
        return true;
    for (size_t i = 0; qualified && qualified->kind == TREE_LIST && i < qualified->len; i++)
        if (is_name_of(qualified->at[i], field))
            return true;
    return false;
}

static void change_field(struct lineage_walk *w, const struct lineage_scope *scope,
                         const struct tree *star, struct lineage_field *field)
{
    const struct tree *replaced = tree_find(star, STR("replace_list")),
                      *renamed = tree_find(star, STR("rename_list"));

    for (size_t i = 0; replaced && replaced->kind == TREE_LIST && i < replaced->len; i++) {
        const struct tree *value = tree_find(replaced->at[i], STR("value"));

        if (!value || !str_eq_nocase(tree_find_text(replaced->at[i], STR("key")), field->name))
            continue;
        struct lineage_set *set = lineage_set_new(w);

        lineage_value(w, scope, value, set);
        field->set = set;
        field->type = STR_NONE;
    }
    for (size_t i = 0; renamed && renamed->kind == TREE_LIST && i < renamed->len; i++)
        if (is_name_of(tree_find(renamed->at[i], STR("key")), field)) {
            field->name = tree_find_text(renamed->at[i], STR("value"));
            break;
        }
}

/* An open field that may be a replaced one too. */
static void change_open(struct lineage_walk *w, const struct lineage_scope *scope,
                        const struct tree *star, struct lineage_field *field)
{
    const struct tree *replaced = tree_find(star, STR("replace_list")),
                      *renamed = tree_find(star, STR("rename_list"));
    bool is_renamed = renamed && renamed->len > 0;
    struct lineage_set *set = lineage_set_new(w);

    if ((!replaced || !replaced->len) && !is_renamed)
        return;
    lineage_merge(w, set, field->set, LINEAGE_AS_IS, 0, 0);
    for (size_t i = 0; replaced && replaced->kind == TREE_LIST && i < replaced->len; i++) {
        const struct tree *value = tree_find(replaced->at[i], STR("value"));

        if (value)
            lineage_value(w, scope, value, set);
    }
    field->set = set;
    field->among = NULL;
}

static void add_relation_fields(struct lineage_walk *w, const struct lineage_scope *scope, str name,
                                struct lineage_fields *out)
{
    struct lineage_set *set;
    bool is_found = false;

    for (size_t i = 0; i < scope->from->relations.len; i++) {
        const struct lineage_relation *r = &scope->from->relations.at[i];

        if (!str_eq_nocase(r->alias, name) || !lineage_step(w, r->fields.len))
            continue;
        is_found = true;
        for (size_t k = 0; k < r->fields.len; k++)
            vec_push(w->mem, out, r->fields.at[k]);
    }
    if (is_found)
        return;
    /* The fields of a struct. */
    set = lineage_set_new(w);
    struct lineage_set whole = {0};

    lineage_resolve(w, scope, &name, 1, &whole);
    lineage_merge(w, set, &whole, LINEAGE_AS_OPERAND, 0, 0);
    vec_push(w->mem, out, ((struct lineage_field){.set = set, .is_open = true}));
}

bool lineage_star_fields(struct lineage_walk *w, const struct lineage_scope *scope,
                         const struct tree *star, struct lineage_fields *out)
{
    str relation = tree_find_text(star, STR("relation_name"));
    struct lineage_fields all = {0};
    const struct lineage_scope *at = scope;

    /* A star inside of a subquery without FROM is one of the query around it. */
    while (at->from->visible.len == 0 && at->outer)
        at = at->outer;
    if (relation.len)
        add_relation_fields(w, at, relation, &all);
    else if (lineage_step(w, at->from->visible.len))
        for (size_t i = 0; i < at->from->visible.len; i++)
            vec_push(w->mem, &all, at->from->visible.at[i]);
    for (size_t i = 0; i < all.len; i++) {
        struct lineage_field field = all.at[i];

        if (!field.is_open && is_excluded(star, &field))
            continue;
        if (field.is_open)
            change_open(w, at, star, &field);
        else
            change_field(w, at, star, &field);
        vec_push(w->mem, out, field);
    }
    return tree_find(star, STR("expr")) == NULL;
}

/* ---- names against patterns */

/* `%` is any text, all else stands for itself. */
static bool is_like(str text, str pattern)
{
    size_t t = 0, p = 0, star = pattern.len, kept = 0;

    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '%') {
            star = p++;
            kept = t;
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star < pattern.len) {
            p = star + 1;
            t = ++kept;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '%')
        p++;
    return p == pattern.len;
}

/* One alternative of a plain regular expression as such a pattern; false when it is not plain. */
static bool like_of(struct lineage_walk *w, str part, str *out)
{
    char *text = arena_alloc(w->mem, part.len + 3);
    size_t len = 0, i = 0;

    if (part.len && part.ptr[0] == '^')
        i++;
    else
        text[len++] = '%';
    for (; i < part.len; i++) {
        char c = part.ptr[i];
        bool is_word =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';

        if (is_word) {
            text[len++] = c;
        } else if (c == '.' && i + 1 < part.len && part.ptr[i + 1] == '*') {
            text[len++] = '%';
            i++;
        } else if (c == '$' && i + 1 == part.len) {
            *out = (str){text, len};
            return true;
        } else {
            return false;
        }
    }
    text[len++] = '%';
    *out = (str){text, len};
    return true;
}

enum match { MATCH_NO, MATCH_YES, MATCH_MAYBE };

static enum match match_expression(struct lineage_walk *w, str name, str pattern)
{
    str head, tail = pattern;
    enum match found = MATCH_NO;

    do {
        str like, rest = tail;

        if (!str_cut(rest, '|', &head, &tail))
            tail = STR_NONE;
        if (!like_of(w, head, &like))
            return MATCH_MAYBE;
        if (is_like(name, like))
            found = MATCH_YES;
    } while (tail.len);
    return found;
}

static str constant_text(const struct tree *node)
{
    const struct tree *value = tree_find(tree_find(node, STR("value")), STR("value"));

    return value && value->kind == TREE_SCALAR ? value->text : STR_NONE;
}

/* Whether COLUMNS(expr) takes a column of this name. */
static enum match match_columns(struct lineage_walk *w, const struct tree *expr, str name)
{
    enum sql_shape shape = sql_shape_of(SQL_FAMILY_EXPRESSION, expr);

    if (shape == SQL_SHAPE_CONSTANT)
        return match_expression(w, name, constant_text(expr));
    if (shape != SQL_SHAPE_FUNCTION
        || !str_eq_nocase(tree_find_text(expr, STR("function_name")), STR("list_value")))
        return MATCH_MAYBE;
    const struct tree *children = tree_find(expr, STR("children"));

    for (size_t i = 0; children && children->kind == TREE_LIST && i < children->len; i++) {
        str parts[2];
        const struct tree *names = tree_find(children->at[i], STR("column_names"));
        size_t len = lineage_texts(names, parts, 2);
        str wanted = len ? parts[len - 1] : constant_text(children->at[i]);

        if (!wanted.len)
            return MATCH_MAYBE;
        if (str_eq_nocase(wanted, name))
            return MATCH_YES;
    }
    return MATCH_NO;
}

/* `* LIKE 'x%'` is a choice of columns, not a value. */
static const struct tree *choosing_star(const struct tree *node)
{
    static const str operators[] = {STR("~~"),
                                    STR("!~~"),
                                    STR("~~*"),
                                    STR("!~~*"),
                                    STR("~~~"),
                                    STR("regexp_full_match"),
                                    STR("not_like_escape"),
                                    STR("like_escape"),
                                    STR("ilike_escape"),
                                    STR("not_ilike_escape")};
    str name = tree_find_text(node, STR("function_name"));
    const struct tree *children = tree_find(node, STR("children"));
    bool is_columns = false;

    if (!children || children->kind != TREE_LIST || children->len < 2
        || sql_shape_of(SQL_FAMILY_EXPRESSION, children->at[0]) != SQL_SHAPE_STAR)
        return NULL;
    (void)tree_is_bool(tree_find(children->at[0], STR("columns")), &is_columns);
    for (size_t i = 0; !is_columns && i < sizeof operators / sizeof operators[0]; i++)
        if (str_eq(operators[i], name))
            return children->at[0];
    return NULL;
}

static enum match match_choice(const struct tree *node, str name)
{
    const struct tree *children = tree_find(node, STR("children"));
    str pattern = constant_text(children->at[1]);

    if (!str_eq(tree_find_text(node, STR("function_name")), STR("~~")) || !pattern.len
        || str_has(pattern, '_') || str_has(pattern, '\\'))
        return MATCH_MAYBE;
    return is_like(name, pattern) ? MATCH_YES : MATCH_NO;
}

/* ---- the SELECT list */

static void add_chosen(struct lineage_walk *w, const struct lineage_fields *fields,
                       enum match *matches, str alias, struct lineage_fields *out)
{
    struct lineage_fields *among = ARENA_NEW(w->mem, struct lineage_fields);
    struct lineage_set *set = lineage_set_new(w);
    bool is_sure = true;

    for (size_t i = 0; i < fields->len; i++)
        is_sure = is_sure && matches[i] != MATCH_MAYBE && !fields->at[i].is_open;
    for (size_t i = 0; i < fields->len; i++) {
        struct lineage_field field = fields->at[i];

        if (matches[i] == MATCH_NO)
            continue;
        if (is_sure) {
            field.name = alias.len ? alias : field.name;
            vec_push(w->mem, out, field);
            continue;
        }
        lineage_merge(w, set, field.set, LINEAGE_AS_IS, 0, 0);
        if (field.is_open || !field.name.len || alias.len)
            among = NULL;
        if (among)
            vec_push(w->mem, among, field);
    }
    if (!is_sure)
        vec_push(w->mem, out,
                 ((struct lineage_field){.set = set, .is_open = true, .among = among}));
}

static void expand_star(struct lineage_walk *w, const struct lineage_scope *scope,
                        const struct tree *node, const struct tree *star,
                        struct lineage_fields *out)
{
    const struct tree *choice = choosing_star(node), *expr = tree_find(star, STR("expr"));
    str alias = tree_find_text(node, STR("alias"));
    struct lineage_fields fields = {0};

    (void)lineage_star_fields(w, scope, star, &fields);
    enum match *matches = ARENA_ARRAY(w->mem, enum match, fields.len + 1);

    for (size_t i = 0; i < fields.len; i++) {
        struct lineage_field *field = &fields.at[i];

        matches[i] = choice                                       ? match_choice(node, field->name)
                   : expr && (field->is_open || !field->name.len) ? MATCH_MAYBE
                   : expr ? match_columns(w, expr, field->name)
                          : MATCH_YES;
        if (choice || node == star || !lineage_step(w, 1))
            continue;
        struct lineage_set *set = lineage_set_new(w);
        const struct lineage_set *before = w->star;

        w->star = field->set;
        lineage_value(w, scope, node, set);
        w->star = before;
        field->set = set;
        field->among = NULL;
    }
    bool is_plain = node == star && !expr && !choice;

    if (is_plain && !alias.len)
        for (size_t i = 0; i < fields.len; i++)
            vec_push(w->mem, out, fields.at[i]);
    else
        add_chosen(w, &fields, matches, alias, out);
}

/* True when unnest() may make several columns: of a struct, or of what is not known. */
static bool may_be_wide(const struct lineage_scope *scope, const struct tree *node)
{
    const struct tree *children = tree_find(node, STR("children"));

    if (!str_eq_nocase(tree_find_text(node, STR("function_name")), STR("unnest")))
        return false;
    if (!children || children->kind != TREE_LIST || children->len != 1)
        return true;
    if (lineage_is_listing(tree_find_text(children->at[0], STR("function_name"))))
        return false;
    return !str_ends(lineage_type_of(scope, children->at[0]), STR("]"));
}

static str name_of(const struct tree *node)
{
    str alias = tree_find_text(node, STR("alias"));
    const struct tree *names = tree_find(node, STR("column_names"));

    if (alias.len || sql_shape_of(SQL_FAMILY_EXPRESSION, node) != SQL_SHAPE_COLUMN_REF || !names
        || names->kind != TREE_LIST || !names->len)
        return alias;
    return names->at[names->len - 1]->text;
}

void lineage_expand(struct lineage_walk *w, const struct lineage_scope *scope, size_t index,
                    struct lineage_fields *out)
{
    const struct tree *node = scope->items->at[index].node, *star = lineage_find_star(node);
    struct lineage_field field = {.name = name_of(node)};

    if (star) {
        expand_star(w, scope, node, star, out);
        return;
    }
    field.set = lineage_item_set(w, scope, index);
    field.type = lineage_type_of(scope, node);
    field.is_open = may_be_wide(scope, node);
    vec_push(w->mem, out, field);
}
