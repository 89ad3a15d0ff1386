/* Queries: WITH, SELECT, set operations, recursion, and what orders and limits their rows. */
#include "lineage_inside.h"

static bool is_true(const struct tree *node, str key)
{
    bool value = false;

    return tree_is_bool(tree_find(node, key), &value) && value;
}

/* ---- keys: GROUP BY, DISTINCT ON, ORDER BY */

static bool is_integer(const struct tree *node, int64_t *out)
{
    return sql_shape_of(SQL_FAMILY_EXPRESSION, node) == SQL_SHAPE_CONSTANT
        && tree_is_int(tree_find(tree_find(node, STR("value")), STR("value")), out);
}

/* `fields` are those of the result where they are known already. */
static void key_set(struct lineage_walk *w, const struct lineage_scope *scope,
                    const struct tree *key, const struct lineage_fields *fields,
                    struct lineage_set *out)
{
    int64_t index;

    if (!is_integer(key, &index)) {
        lineage_value(w, scope, key, out);
        return;
    }
    bool is_sure = index >= 1 && (uint64_t)index <= fields->len;

    for (size_t i = 0; is_sure && i < (size_t)index; i++)
        is_sure = !fields->at[i].is_open;
    if (is_sure)
        lineage_merge(w, out, fields->at[index - 1].set, LINEAGE_AS_IS, 0, 0);
    else
        lineage_fields_set(w, fields, LINEAGE_AS_OPERAND, out);
}

static void add_key(struct lineage_walk *w, const struct lineage_scope *scope,
                    const struct tree *key, const struct lineage_fields *fields,
                    enum lineage_role role, struct lineage_set *rows)
{
    struct lineage_set set = {0};

    key_set(w, scope, key, fields, &set);
    lineage_tie(w, &set, role == LINEAGE_AS_SORT ? LINEAGE_SORT : LINEAGE_GROUP_BY);
    lineage_merge(w, rows, &set, role, 0, LINEAGE_TIES | LINEAGE_LOOSE);
}

static bool is_star(const struct tree *node)
{
    return sql_shape_of(SQL_FAMILY_EXPRESSION, node) == SQL_SHAPE_STAR;
}

static void add_limit(struct lineage_walk *w, const struct lineage_scope *scope,
                      const struct tree *modifier, str key, struct lineage_set *rows)
{
    const struct tree *node = tree_find(modifier, key);
    struct lineage_set set = {0};

    if (!node)
        return;
    lineage_value(w, scope, node, &set);
    lineage_merge(w, rows, &set, LINEAGE_AS_SORT, LINEAGE_LOOSE, LINEAGE_TIES);
}

static void add_modifiers(struct lineage_walk *w, const struct lineage_scope *scope,
                          const struct tree *node, struct lineage_result *out)
{
    const struct tree *modifiers = tree_find(node, STR("modifiers"));

    for (size_t i = 0; modifiers && modifiers->kind == TREE_LIST && i < modifiers->len; i++) {
        const struct tree *modifier = modifiers->at[i];
        enum sql_shape shape = sql_shape_of(SQL_FAMILY_MODIFIER, modifier);
        const struct tree *orders = tree_find(modifier, STR("orders")),
                          *targets = tree_find(modifier, STR("distinct_on_targets"));

        if (shape == SQL_SHAPE_DISTINCT_MODIFIER && (!targets || !targets->len))
            lineage_fields_set(w, &out->fields, LINEAGE_AS_GROUP, &out->rows);
        for (size_t k = 0; targets && targets->kind == TREE_LIST && k < targets->len; k++)
            add_key(w, scope, targets->at[k], &out->fields, LINEAGE_AS_GROUP, &out->rows);
        for (size_t k = 0; orders && orders->kind == TREE_LIST && k < orders->len; k++) {
            const struct tree *key = tree_find(orders->at[k], STR("expression"));

            if (key && is_star(key))
                lineage_fields_set(w, &out->fields, LINEAGE_AS_SORT, &out->rows);
            else if (key)
                add_key(w, scope, key, &out->fields, LINEAGE_AS_SORT, &out->rows);
        }
        if (shape == SQL_SHAPE_LIMIT_MODIFIER || shape == SQL_SHAPE_LIMIT_PERCENT_MODIFIER) {
            add_limit(w, scope, modifier, STR("limit"), &out->rows);
            add_limit(w, scope, modifier, STR("offset"), &out->rows);
        } else if (shape == SQL_SHAPE_UNKNOWN) {
            w->is_spent = true;
        }
    }
    /* Rows that are counted later must not be tied by what was mentioned here. */
    for (size_t i = 0; i < out->rows.len; i++)
        out->rows.at[i].bits &= ~(uint32_t)LINEAGE_TIES;
}

/* ---- SELECT */

static void list_items(struct lineage_walk *w, const struct tree *list, struct lineage_items *out)
{
    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len && lineage_step(w, 1); i++)
        vec_push(w->mem, out,
                 ((struct lineage_item){.node = list->at[i],
                                        .alias = tree_find_text(list->at[i], STR("alias"))}));
}

/* unnest() and kin in the list make as many rows as the argument has elements. */
static void add_unnested(struct lineage_walk *w, const struct lineage_scope *scope,
                         const struct tree *node, struct lineage_set *rows)
{
    enum sql_shape shape = sql_shape_of(SQL_FAMILY_EXPRESSION, node);

    if (shape == SQL_SHAPE_FUNCTION
        && lineage_makes_rows(tree_find_text(node, STR("function_name")))) {
        struct lineage_set set = {0};

        lineage_value(w, scope, node, &set);
        lineage_merge(w, rows, &set, LINEAGE_AS_JOIN, LINEAGE_LOOSE, LINEAGE_TIES);
        return;
    }
    if (shape == SQL_SHAPE_SUBQUERY || shape == SQL_SHAPE_UNKNOWN)
        return;
    for (size_t i = 0; i < node->len; i++) {
        const struct sql_key *key = sql_key_of(shape, node->at[i]->key);

        if (!key || key->family != SQL_FAMILY_EXPRESSION)
            continue;
        if (node->at[i]->kind == TREE_MAP)
            add_unnested(w, scope, node->at[i], rows);
        for (size_t k = 0; node->at[i]->kind == TREE_LIST && k < node->at[i]->len; k++)
            if (node->at[i]->at[k]->kind == TREE_MAP)
                add_unnested(w, scope, node->at[i]->at[k], rows);
    }
}

static bool has_aggregate(const struct tree *node)
{
    enum sql_shape shape = sql_shape_of(SQL_FAMILY_EXPRESSION, node);

    if (shape == SQL_SHAPE_FUNCTION
        && (lineage_is_aggregate(tree_find_text(node, STR("function_name")))
            || tree_find(node, STR("filter")) || is_true(node, STR("distinct"))))
        return true;
    if (shape == SQL_SHAPE_SUBQUERY || shape == SQL_SHAPE_UNKNOWN)
        return false;
    for (size_t i = 0; i < node->len; i++) {
        const struct tree *child = node->at[i];
        const struct sql_key *key = sql_key_of(shape, child->key);

        if (!key || key->family != SQL_FAMILY_EXPRESSION)
            continue;
        if (child->kind == TREE_MAP && has_aggregate(child))
            return true;
        for (size_t k = 0; child->kind == TREE_LIST && k < child->len; k++)
            if (child->at[k]->kind == TREE_MAP && has_aggregate(child->at[k]))
                return true;
    }
    return false;
}

/* GROUP BY ALL groups by what has no aggregate; `from` on are the columns of this part of the list. */
static void group_by_all(struct lineage_walk *w, const struct tree *item,
                         const struct lineage_fields *fields, size_t from, struct lineage_set *rows)
{
    if (has_aggregate(item))
        return;
    for (size_t i = from; i < fields->len; i++) {
        lineage_tie(w, fields->at[i].set, LINEAGE_GROUP_BY);
        lineage_merge(w, rows, fields->at[i].set, LINEAGE_AS_GROUP, 0, LINEAGE_TIES);
    }
}

static void add_groups(struct lineage_walk *w, const struct lineage_scope *scope,
                       const struct tree *node, struct lineage_result *out)
{
    const struct tree *keys = tree_find(node, STR("group_expressions"));

    for (size_t i = 0; keys && keys->kind == TREE_LIST && i < keys->len; i++)
        add_key(w, scope, keys->at[i], &out->fields, LINEAGE_AS_GROUP, &out->rows);
}

static void select_query(struct lineage_walk *w, const struct tree *node,
                         const struct lineage_scope *outer, struct lineage_result *out)
{
    static const struct lineage_from nothing = {0};
    const struct tree *from_node = tree_find(node, STR("from_table")),
                      *where = tree_find(node, STR("where_clause")),
                      *having = tree_find(node, STR("having")),
                      *qualify = tree_find(node, STR("qualify"));
    const struct lineage_from *from = from_node ? lineage_bind(w, from_node, outer) : &nothing;
    bool is_grouped =
        str_eq(tree_find_text(node, STR("aggregate_handling")), STR("FORCE_AGGREGATES"));
    struct lineage_items items = {0};
    struct lineage_set grouped = {0};

    list_items(w, tree_find(node, STR("select_list")), &items);
    struct lineage_scope scope = {
        .outer = outer, .from = from, .items = &items, .rows = &out->rows, .node = node};

    lineage_merge(w, &out->rows, &from->rows, LINEAGE_AS_IS, 0, 0);
    if (where)
        lineage_predicate(w, &scope, where, LINEAGE_AS_FILTER, &out->rows);
    /* Before the values: what counts the rows must know what made them. */
    for (size_t i = 0; i < items.len; i++)
        add_unnested(w, &scope, items.at[i].node, &out->rows);
    for (size_t i = 0; i < items.len && !w->is_spent; i++) {
        size_t before = out->fields.len;

        lineage_expand(w, &scope, i, &out->fields);
        if (is_grouped)
            group_by_all(w, items.at[i].node, &out->fields, before, &grouped);
    }
    lineage_merge(w, &out->rows, &grouped, LINEAGE_AS_IS, 0, 0);
    add_groups(w, &scope, node, out);
    if (having)
        lineage_predicate(w, &scope, having, LINEAGE_AS_FILTER, &out->rows);
    if (qualify)
        lineage_predicate(w, &scope, qualify, LINEAGE_AS_FILTER, &out->rows);
    scope.is_alias_first = true;
    add_modifiers(w, &scope, node, out);
}

/* ---- set operations */

static bool has_open(const struct lineage_fields *fields)
{
    for (size_t i = 0; i < fields->len; i++)
        if (fields->at[i].is_open)
            return true;
    return false;
}

/* One column of both sides. */
static struct lineage_field merge_fields(struct lineage_walk *w, const struct tree *node, size_t i,
                                         const struct lineage_field *left,
                                         const struct lineage_field *right, bool is_union)
{
    struct lineage_set *set = lineage_set_new(w);

    if (left)
        lineage_merge(w, set, left->set, LINEAGE_AS_IS, 0, 0);
    if (right)
        lineage_merge(w, set, right->set, is_union ? LINEAGE_AS_IS : LINEAGE_AS_FILTER, 0, 0);
    /* Constants of several sides are a column like any other. */
    if (!set->len)
        lineage_make(w, set, node, (uint32_t)i);
    if (!is_union) {
        struct lineage_set both = {0};

        lineage_merge(w, &both, set, LINEAGE_AS_IS, LINEAGE_TIES, 0);
        lineage_tie(w, &both, LINEAGE_FILTER);
    }
    return (struct lineage_field){.name = left ? left->name : right->name, .set = set};
}

static const struct lineage_field *find_field(const struct lineage_fields *fields, str name)
{
    for (size_t i = 0; name.len && i < fields->len; i++)
        if (str_eq_nocase(fields->at[i].name, name))
            return &fields->at[i];
    return NULL;
}

static void merge_by_name(struct lineage_walk *w, const struct tree *node,
                          const struct lineage_fields *left, const struct lineage_fields *right,
                          struct lineage_fields *out)
{
    for (size_t i = 0; i < left->len && lineage_step(w, right->len); i++)
        vec_push(w->mem, out,
                 merge_fields(w, node, i, &left->at[i], find_field(right, left->at[i].name), true));
    for (size_t i = 0; i < right->len && lineage_step(w, left->len); i++)
        if (!find_field(left, right->at[i].name))
            vec_push(w->mem, out, merge_fields(w, node, left->len + i, NULL, &right->at[i], true));
}

static bool has_blank(const struct lineage_fields *fields)
{
    for (size_t i = 0; i < fields->len; i++)
        if (!fields->at[i].name.len)
            return true;
    return false;
}

static void set_query(struct lineage_walk *w, const struct tree *node,
                      const struct lineage_scope *outer, struct lineage_result *out)
{
    const struct tree *left_node = tree_find(node, STR("left")),
                      *right_node = tree_find(node, STR("right"));
    str type = tree_find_text(node, STR("setop_type"));
    bool is_by_name = str_eq(type, STR("UNION_BY_NAME")),
         is_union = is_by_name || str_eq(type, STR("UNION"));
    struct lineage_result left = {0}, right = {0};

    if (!left_node || !right_node) {
        w->is_spent = true;
        return;
    }
    lineage_query(w, left_node, outer, &left);
    lineage_query(w, right_node, outer, &right);
    lineage_merge(w, &out->rows, &left.rows, LINEAGE_AS_IS, 0, 0);
    lineage_merge(w, &out->rows, &right.rows, LINEAGE_AS_IS, 0, 0);
    bool is_blind = has_open(&left.fields) || has_open(&right.fields)
                 || (is_by_name ? has_blank(&left.fields) || has_blank(&right.fields)
                                : left.fields.len != right.fields.len);

    if (is_blind) {
        struct lineage_set *all = lineage_set_new(w);

        lineage_fields_set(w, &left.fields, LINEAGE_AS_IS, all);
        lineage_fields_set(w, &right.fields, LINEAGE_AS_IS, all);
        lineage_make(w, all, node, 0);
        if (!is_union)
            lineage_tie(w, all, LINEAGE_FILTER);
        vec_push(w->mem, &out->fields, ((struct lineage_field){.set = all, .is_open = true}));
    } else if (is_by_name) {
        merge_by_name(w, node, &left.fields, &right.fields, &out->fields);
    } else {
        for (size_t i = 0; i < left.fields.len && !w->is_spent; i++)
            vec_push(w->mem, &out->fields,
                     merge_fields(w, node, i, &left.fields.at[i], &right.fields.at[i], is_union));
    }
    if (!is_union) {
        lineage_fields_set(w, &left.fields, LINEAGE_AS_FILTER, &out->rows);
        lineage_fields_set(w, &right.fields, LINEAGE_AS_FILTER, &out->rows);
    } else if (!is_true(node, STR("setop_all"))) {
        lineage_fields_set(w, &out->fields, LINEAGE_AS_GROUP, &out->rows);
    }
    struct lineage_scope scope = {.outer = outer,
                                  .from = lineage_from_one(w, STR_NONE, &out->fields, NULL),
                                  .rows = &out->rows,
                                  .node = node};

    add_modifiers(w, &scope, node, out);
}

/* ---- WITH */

/* Each round passes on what the one before has found, until nothing is new. */
static void recursive_query(struct lineage_walk *w, const struct tree *node,
                            const struct tree *aliases, const struct lineage_scope *outer,
                            struct lineage_result *out)
{
    const struct tree *left_node = tree_find(node, STR("left")),
                      *right_node = tree_find(node, STR("right")),
                      *keys = tree_find(node, STR("key_targets"));
    const struct lineage_cte *before = w->ctes;
    struct lineage_cte cte = {
        .name = tree_find_text(node, STR("cte_name")), .is_recursive = true, .next = before};
    bool is_changed = true;

    if (!left_node || !right_node) {
        w->is_spent = true;
        return;
    }
    struct lineage_result left = {0};

    lineage_query(w, left_node, outer, &left);
    struct lineage_set **sets = ARENA_ARRAY(w->mem, struct lineage_set *, left.fields.len + 1);

    for (size_t i = 0; i < left.fields.len; i++) {
        struct lineage_field field = left.fields.at[i];
        struct lineage_set *set = lineage_set_new(w);

        lineage_merge(w, set, field.set, LINEAGE_AS_IS, 0, 0);
        if (!set->len)
            lineage_make(w, set, node, (uint32_t)i);
        field.set = sets[i] = set;
        field.type = STR_NONE;
        field.among = NULL;
        vec_push(w->mem, &out->fields, field);
    }
    if (has_open(&out->fields)) {
        /* Which column is which cannot be told: each is all of them. */
        for (size_t i = 0; i < out->fields.len; i++)
            for (size_t k = 0; k < out->fields.len; k++)
                lineage_merge(w, sets[i], sets[k], LINEAGE_AS_IS, 0, 0);
        out->fields.len = 0;
        vec_push(w->mem, &out->fields, ((struct lineage_field){.set = sets[0], .is_open = true}));
    }
    lineage_rename(w, &out->fields, has_open(&out->fields) ? NULL : aliases);
    lineage_merge(w, &out->rows, &left.rows, LINEAGE_AS_IS, 0, 0);
    for (int round = 0; is_changed && !w->is_spent; round++) {
        struct lineage_result right = {0};

        cte.result = *out;
        w->ctes = &cte;
        lineage_query(w, right_node, outer, &right);
        w->ctes = before;
        is_changed = lineage_merge(w, &out->rows, &right.rows, LINEAGE_AS_IS, 0, 0);
        bool is_even = right.fields.len == out->fields.len && !has_open(&right.fields)
                    && !has_open(&out->fields);

        for (size_t i = 0; i < out->fields.len; i++)
            for (size_t k = is_even ? i : 0; k < (is_even ? i + 1 : right.fields.len); k++)
                is_changed = lineage_merge(w, sets[i], right.fields.at[k].set, LINEAGE_AS_IS, 0, 0)
                          || is_changed;
        w->is_spent = w->is_spent || round > LINEAGE_ROUNDS_MAX;
    }
    if (!is_true(node, STR("union_all")) || (keys && keys->len))
        lineage_fields_set(w, &out->fields, LINEAGE_AS_GROUP, &out->rows);
}

static void add_cte(struct lineage_walk *w, const struct tree *entry,
                    const struct lineage_scope *outer)
{
    const struct tree *value = tree_find(entry, STR("value")),
                      *statement = tree_find(value, STR("query")),
                      *aliases = tree_find(value, STR("aliases")),
                      *body = tree_find(statement, STR("node"));
    struct lineage_cte *cte = ARENA_NEW(w->mem, struct lineage_cte);

    cte->name = tree_find_text(entry, STR("key"));
    cte->next = w->ctes;
    if (!body)
        w->is_spent = true;
    else
        lineage_query(w, statement, outer, &cte->result);
    if (body && sql_shape_of(SQL_FAMILY_QUERY, body) != SQL_SHAPE_RECURSIVE_CTE_NODE)
        lineage_rename(w, &cte->result.fields, aliases);
    lineage_name_apart(w, &cte->result.fields);
    w->ctes = cte;
}

void lineage_query(struct lineage_walk *w, const struct tree *node,
                   const struct lineage_scope *outer, struct lineage_result *out)
{
    const struct lineage_cte *before = w->ctes;
    const struct tree *body = tree_find(node, STR("node"));

    if (!lineage_step(w, 1))
        return;
    node = body ? body : node;
    const struct tree *ctes = tree_find(tree_find(node, STR("cte_map")), STR("map"));

    for (size_t i = 0; ctes && ctes->kind == TREE_LIST && i < ctes->len; i++)
        add_cte(w, ctes->at[i], outer);
    switch (sql_shape_of(SQL_FAMILY_QUERY, node)) {
    case SQL_SHAPE_SELECT_NODE:
        select_query(w, node, outer, out);
        break;
    case SQL_SHAPE_SET_OPERATION_NODE:
        set_query(w, node, outer, out);
        break;
    case SQL_SHAPE_RECURSIVE_CTE_NODE:
        recursive_query(w, node, tree_find(node, STR("aliases")), outer, out);
        break;
    default:
        w->is_spent = true;
    }
    w->ctes = before;
}
