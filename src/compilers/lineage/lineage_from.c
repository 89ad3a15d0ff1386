/* FROM: which columns there are, and what decides which rows. */
#include "lineage_inside.h"

static void add_relation(struct lineage_walk *w, struct lineage_from *from,
                         const struct lineage_relation *relation)
{
    struct lineage_relation *copy = vec_add(w->mem, &from->relations);

    *copy = *relation;
    for (size_t i = 0; i < copy->fields.len; i++)
        copy->fields.at[i].owner = relation->alias;
}

static void add_visible(struct lineage_walk *w, struct lineage_from *from,
                        const struct lineage_fields *fields)
{
    if (!lineage_step(w, fields->len))
        return;
    for (size_t i = 0; i < fields->len; i++)
        vec_push(w->mem, &from->visible, fields->at[i]);
}

static struct lineage_from *from_relation(struct lineage_walk *w,
                                          const struct lineage_relation *relation)
{
    struct lineage_from *from = ARENA_NEW(w->mem, struct lineage_from);

    add_relation(w, from, relation);
    add_visible(w, from, &from->relations.at[0].fields);
    return from;
}

struct lineage_from *lineage_from_one(struct lineage_walk *w, str alias,
                                      const struct lineage_fields *fields,
                                      const struct lineage_set *rows)
{
    struct lineage_relation relation = {.alias = alias};

    if (lineage_step(w, fields->len))
        for (size_t i = 0; i < fields->len; i++)
            vec_push(w->mem, &relation.fields, fields->at[i]);
    struct lineage_from *from = from_relation(w, &relation);

    if (rows)
        lineage_merge(w, &from->rows, rows, LINEAGE_AS_IS, 0, 0);
    return from;
}

/* ---- tables */

static const struct lineage_cte *find_cte(const struct lineage_walk *w, str catalog, str schema,
                                          str name)
{
    if (catalog.len || (schema.len && !str_eq_nocase(schema, STR("recurring"))))
        return NULL;
    for (const struct lineage_cte *cte = w->ctes; cte; cte = cte->next)
        if (str_eq_nocase(cte->name, name) && (!schema.len || cte->is_recursive))
            return cte;
    return NULL;
}

static bool is_input(const struct lineage_input *input, str catalog, str schema, str name)
{
    return str_eq_nocase(input->name, name) && (!schema.len || str_eq_nocase(input->schema, schema))
        && (!catalog.len || str_eq_nocase(input->catalog, catalog));
}

static void add_input(struct lineage_walk *w, const struct tree *node, size_t index,
                      struct lineage_fields *out)
{
    const struct lineage_input *input = &w->inputs->at[index];
    uint32_t len = (uint32_t)input->columns.len;
    uint32_t first = lineage_atoms(w, node, 0, len);

    if (!lineage_step(w, len))
        return;
    for (uint32_t i = 0; i < len; i++) {
        struct lineage_set *set = lineage_set_new(w);

        w->atoms.at[first + i].input = (int64_t)index;
        w->atoms.at[first + i].column = i;
        lineage_add(w, set, first + i, 1 << LINEAGE_IDENTITY | LINEAGE_TIES);
        vec_push(w->mem, out,
                 ((struct lineage_field){.name = input->columns.at[i].name,
                                         .type = input->columns.at[i].type,
                                         .set = set}));
    }
}

static struct lineage_from *bind_base_table(struct lineage_walk *w, const struct tree *node)
{
    str catalog = tree_find_text(node, STR("catalog_name")),
        schema = tree_find_text(node, STR("schema_name")),
        name = tree_find_text(node, STR("table_name")), alias = tree_find_text(node, STR("alias"));
    const struct lineage_cte *cte = find_cte(w, catalog, schema, name);
    struct lineage_relation relation = {
        .catalog = catalog, .schema = schema, .alias = alias.len ? alias : name};
    size_t found = 0, index = 0;

    for (size_t i = 0; !cte && i < w->inputs->len; i++)
        if (is_input(&w->inputs->at[i], catalog, schema, name)) {
            index = i;
            found++;
        }
    if (cte && lineage_step(w, cte->result.fields.len)) {
        for (size_t i = 0; i < cte->result.fields.len; i++)
            vec_push(w->mem, &relation.fields, cte->result.fields.at[i]);
    } else if (found == 1) {
        add_input(w, node, index, &relation.fields);
    } else {
        vec_push(w->mem, &relation.fields,
                 ((struct lineage_field){.set = lineage_everything(w), .is_open = true}));
    }
    lineage_rename(w, &relation.fields, tree_find(node, STR("column_name_alias")));
    struct lineage_from *from = from_relation(w, &relation);

    if (cte)
        lineage_merge(w, &from->rows, &cte->result.rows, LINEAGE_AS_IS, 0, 0);
    return from;
}

static struct lineage_from *bind_subquery(struct lineage_walk *w, const struct tree *node,
                                          const struct lineage_scope *outer)
{
    const struct tree *statement = tree_find(node, STR("subquery"));
    struct lineage_result result = {0};

    if (statement)
        lineage_query(w, statement, outer, &result);
    else
        w->is_spent = true;
    lineage_rename(w, &result.fields, tree_find(node, STR("column_name_alias")));
    lineage_name_apart(w, &result.fields);
    return lineage_from_one(w, tree_find_text(node, STR("alias")), &result.fields, &result.rows);
}

/* ---- lists of rows, and functions */

static struct lineage_from *bind_values(struct lineage_walk *w, const struct tree *node,
                                        const struct lineage_scope *outer)
{
    const struct tree *rows = tree_find(node, STR("values")),
                      *names = tree_find(node, STR("expected_names"));
    size_t len = rows && rows->kind == TREE_LIST && rows->len ? rows->at[0]->len : 0;
    static const struct lineage_from nothing = {0};
    struct lineage_scope scope = {.outer = outer, .from = &nothing, .node = node};
    struct lineage_fields fields = {0};

    for (size_t i = 0; i < len && lineage_step(w, rows->len); i++) {
        struct lineage_set *set = lineage_set_new(w);

        for (size_t k = 0; k < rows->len; k++)
            if (rows->at[k]->kind == TREE_LIST && i < rows->at[k]->len)
                lineage_value(w, &scope, rows->at[k]->at[i], set);
        /* One row is a constant; of several it is a column like any other. */
        if (rows->len > 1)
            lineage_make(w, set, node, (uint32_t)i);
        str name = names && names->kind == TREE_LIST && i < names->len
                     ? names->at[i]->text
                     : arena_format(w->mem, "col%zu", i);

        vec_push(w->mem, &fields, ((struct lineage_field){.name = name, .set = set}));
    }
    return lineage_from_one(w, tree_find_text(node, STR("alias")), &fields, NULL);
}

static size_t count_arguments(const struct tree *children)
{
    size_t len = 0;

    for (size_t i = 0; children && children->kind == TREE_LIST && i < children->len; i++)
        len += tree_find_text(children->at[i], STR("alias")).len == 0;
    return len;
}

static void name_results(struct lineage_walk *w, str function, const struct tree *children,
                         struct str_list *names)
{
    static const str json[] = {STR("key"), STR("value"),  STR("type"),    STR("atom"),
                               STR("id"),  STR("parent"), STR("fullkey"), STR("path")};

    if (str_eq_nocase(function, STR("json_each")) || str_eq_nocase(function, STR("json_tree"))) {
        for (size_t i = 0; i < sizeof json / sizeof json[0]; i++)
            vec_push(w->mem, names, json[i]);
    } else if (str_eq_nocase(function, STR("range"))
               || str_eq_nocase(function, STR("generate_series"))) {
        vec_push(w->mem, names, arena_lower(w->mem, function));
    } else if (str_eq_nocase(function, STR("unnest")) && count_arguments(children) == 1
               && children->len == 1) {
        vec_push(w->mem, names, STR("unnest"));
    } else if (str_eq_nocase(function, STR("repeat"))) {
        vec_push(w->mem, names, STR(""));
    } else if (str_eq_nocase(function, STR("repeat_row"))) {
        for (size_t i = 0; i < count_arguments(children); i++)
            vec_push(w->mem, names, arena_format(w->mem, "column%zu", i));
    }
}

static struct lineage_from *bind_function(struct lineage_walk *w, const struct tree *node,
                                          const struct lineage_scope *outer)
{
    static const struct lineage_from nothing = {0};
    const struct tree *call = tree_find(node, STR("function"));
    const struct tree *children = tree_find(call, STR("children"));
    str function = tree_find_text(call, STR("function_name")),
        alias = tree_find_text(node, STR("alias"));
    struct lineage_scope scope = {.outer = outer, .from = &nothing, .node = node};
    struct lineage_set *set = lineage_set_new(w), arguments = {0}, rows = {0};
    struct lineage_fields fields = {0};
    struct str_list names = {0};

    for (size_t i = 0; children && children->kind == TREE_LIST && i < children->len; i++)
        lineage_value(w, &scope, children->at[i], &arguments);
    lineage_merge(w, &rows, &arguments, LINEAGE_AS_JOIN, LINEAGE_LOOSE, LINEAGE_TIES);
    lineage_merge(w, set, &arguments, LINEAGE_AS_OPERAND, 0, 0);
    lineage_make(w, set, node, 0);
    name_results(w, function, children, &names);
    bool is_ordinal = str_eq(tree_find_text(node, STR("with_ordinality")), STR("WITH_ORDINALITY"));

    if (names.len && is_ordinal)
        vec_push(w->mem, &names, STR("ordinality"));
    for (size_t i = 0; i < names.len; i++)
        vec_push(w->mem, &fields, ((struct lineage_field){.name = names.at[i], .set = set}));
    if (!names.len)
        vec_push(w->mem, &fields, ((struct lineage_field){.set = set, .is_open = true}));
    lineage_rename(w, &fields, tree_find(node, STR("column_name_alias")));
    return lineage_from_one(w, alias.len ? alias : function, &fields, &rows);
}

/* ---- joins */

static const struct lineage_field *find_visible(const struct lineage_from *from, str name)
{
    for (size_t i = 0; i < from->visible.len; i++)
        if (!from->visible.at[i].is_open && str_eq_nocase(from->visible.at[i].name, name))
            return &from->visible.at[i];
    return NULL;
}

static bool is_open(const struct lineage_from *from)
{
    for (size_t i = 0; i < from->visible.len; i++)
        if (from->visible.at[i].is_open || !from->visible.at[i].name.len)
            return true;
    return false;
}

/* The columns of USING, and those that both sides of NATURAL have. */
static void shared_names(struct lineage_walk *w, const struct tree *node,
                         const struct lineage_from *left, const struct lineage_from *right,
                         struct str_list *names)
{
    const struct tree *using = tree_find(node, STR("using_columns"));

    for (size_t i = 0; using && using->kind == TREE_LIST && i < using->len; i++)
        vec_push(w->mem, names, using->at[i]->text);
    if (!str_eq(tree_find_text(node, STR("ref_type")), STR("NATURAL")))
        return;
    for (size_t i = 0; i < left->visible.len && lineage_step(w, right->visible.len); i++) {
        str name = left->visible.at[i].name;

        if (!left->visible.at[i].is_open && name.len && find_visible(right, name))
            vec_push(w->mem, names, name);
    }
}

static bool is_shared(const struct str_list *names, str name)
{
    for (size_t i = 0; name.len && i < names->len; i++)
        if (str_eq_nocase(names->at[i], name))
            return true;
    return false;
}

static void tie_pair(struct lineage_walk *w, const struct lineage_set *left,
                     const struct lineage_set *right, struct lineage_set *rows)
{
    struct lineage_set both = {0};

    lineage_merge(w, &both, left, LINEAGE_AS_IS, LINEAGE_TIES, 0);
    lineage_merge(w, &both, right, LINEAGE_AS_IS, LINEAGE_TIES, 0);
    lineage_tie(w, &both, LINEAGE_JOIN);
    lineage_merge(w, rows, &both, LINEAGE_AS_JOIN, 0, LINEAGE_TIES);
}

/* Puts the left columns, the shared ones merged, then those of the right that are not shared. */
static void join_visible(struct lineage_walk *w, struct lineage_from *out,
                         const struct lineage_from *left, const struct lineage_from *right,
                         const struct str_list *names, str type)
{
    bool is_left_only = str_eq(type, STR("SEMI")) || str_eq(type, STR("ANTI"));
    bool is_of_both = !str_eq(type, STR("INNER")) && !str_eq(type, STR("LEFT")) && !is_left_only;

    for (size_t i = 0; i < left->visible.len; i++) {
        struct lineage_field field = left->visible.at[i];
        const struct lineage_field *other =
            is_shared(names, field.name) ? find_visible(right, field.name) : NULL;

        if (other) {
            tie_pair(w, field.set, other->set, &out->rows);
            if (is_of_both) {
                struct lineage_set *set = lineage_set_new(w);

                lineage_merge(w, set, field.set, LINEAGE_AS_IS, 0, 0);
                lineage_merge(w, set, other->set, LINEAGE_AS_IS, 0, 0);
                field.set = set;
            }
        }
        vec_push(w->mem, &out->visible, field);
    }
    for (size_t i = 0; !is_left_only && i < right->visible.len; i++)
        if (!is_shared(names, right->visible.at[i].name))
            vec_push(w->mem, &out->visible, right->visible.at[i]);
    lineage_step(w, left->visible.len + right->visible.len);
}

/* Which columns are shared cannot be told: all of both sides may be. */
static void join_blindly(struct lineage_walk *w, struct lineage_from *out,
                         const struct lineage_from *left, const struct lineage_from *right)
{
    struct lineage_set *all = lineage_set_new(w), other = {0};

    lineage_fields_set(w, &left->visible, LINEAGE_AS_IS, all);
    lineage_fields_set(w, &right->visible, LINEAGE_AS_IS, &other);
    tie_pair(w, all, &other, &out->rows);
    lineage_merge(w, all, &other, LINEAGE_AS_IS, 0, 0);
    vec_push(w->mem, &out->visible, ((struct lineage_field){.set = all, .is_open = true}));
}

static const struct lineage_from *bind_join(struct lineage_walk *w, const struct tree *node,
                                            const struct lineage_scope *outer)
{
    static const struct lineage_from nothing = {0};
    const struct tree *left_node = tree_find(node, STR("left")),
                      *right_node = tree_find(node, STR("right")),
                      *condition = tree_find(node, STR("condition"));
    str type = tree_find_text(node, STR("join_type"));
    struct lineage_from *out = ARENA_NEW(w->mem, struct lineage_from);

    if (!left_node || !right_node) {
        w->is_spent = true;
        return &nothing;
    }
    const struct lineage_from *left = lineage_bind(w, left_node, outer);
    struct lineage_scope lateral = {.outer = outer, .from = left, .node = node};
    const struct lineage_from *right = lineage_bind(w, right_node, &lateral);
    struct str_list names = {0};

    for (size_t i = 0; i < left->relations.len; i++)
        vec_push(w->mem, &out->relations, left->relations.at[i]);
    for (size_t i = 0; i < right->relations.len; i++)
        vec_push(w->mem, &out->relations, right->relations.at[i]);
    lineage_step(w, out->relations.len);
    lineage_merge(w, &out->rows, &left->rows, LINEAGE_AS_IS, 0, 0);
    lineage_merge(w, &out->rows, &right->rows, LINEAGE_AS_IS, 0, 0);
    shared_names(w, node, left, right, &names);
    bool is_blind = (is_open(left) || is_open(right))
                 && (names.len || str_eq(tree_find_text(node, STR("ref_type")), STR("NATURAL")));

    if (is_blind)
        join_blindly(w, out, left, right);
    else
        join_visible(w, out, left, right, &names, type);
    if (condition) {
        struct lineage_from both = *out;
        struct lineage_scope scope = {
            .outer = outer, .from = &both, .rows = &out->rows, .node = node};

        /* A semi join hides its right side only from those outside. */
        if (!is_blind) {
            both.visible = (struct lineage_fields){0};
            add_visible(w, &both, &left->visible);
            add_visible(w, &both, &right->visible);
        }
        lineage_predicate(w, &scope, condition, LINEAGE_AS_JOIN, &out->rows);
    }
    return out;
}

const struct lineage_from *lineage_bind(struct lineage_walk *w, const struct tree *node,
                                        const struct lineage_scope *outer)
{
    static const struct lineage_from nothing = {0};

    if (!lineage_step(w, 1))
        return &nothing;
    switch (sql_shape_of(SQL_FAMILY_TABLE, node)) {
    case SQL_SHAPE_BASE_TABLE:
        return bind_base_table(w, node);
    case SQL_SHAPE_SUBQUERY_TABLE:
        return bind_subquery(w, node, outer);
    case SQL_SHAPE_EXPRESSION_LIST:
        return bind_values(w, node, outer);
    case SQL_SHAPE_TABLE_FUNCTION:
        return bind_function(w, node, outer);
    case SQL_SHAPE_PIVOT:
        return lineage_bind_pivot(w, node, outer);
    case SQL_SHAPE_JOIN:
        if (tree_find_text(node, STR("alias")).len == 0)
            return bind_join(w, node, outer);
        w->is_spent = true;
        return &nothing;
    case SQL_SHAPE_EMPTY:
        return &nothing;
    default:
        w->is_spent = true;
        return &nothing;
    }
}
