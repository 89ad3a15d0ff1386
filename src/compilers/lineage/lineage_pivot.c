/* PIVOT and UNPIVOT in FROM: rows to columns, and columns to rows. */
#include "lineage_inside.h"

enum { PIVOT_COLUMNS_MAX = 10000 };

/* A FROM whose columns cannot be told apart. */
static struct lineage_from *from_open(struct lineage_walk *w, const struct tree *node,
                                      const struct lineage_from *source)
{
    struct lineage_set *all = lineage_set_new(w), rows = {0};
    struct lineage_fields fields = {0};

    lineage_fields_set(w, &source->visible, LINEAGE_AS_OPERAND, all);
    lineage_merge(w, &rows, all, LINEAGE_AS_GROUP, 0, LINEAGE_TIES);
    lineage_merge(w, &rows, &source->rows, LINEAGE_AS_IS, 0, 0);
    vec_push(w->mem, &fields, ((struct lineage_field){.set = all, .is_open = true}));
    lineage_rename(w, &fields, tree_find(node, STR("column_name_alias")));
    return lineage_from_one(w, tree_find_text(node, STR("alias")), &fields, &rows);
}

/* Names of all columns that an expression mentions. */
static void mentioned_names(struct lineage_walk *w, const struct tree *node, struct str_list *out)
{
    const struct tree *names = tree_find(node, STR("column_names"));

    if (!lineage_step(w, 1))
        return;
    if (names && names->kind == TREE_LIST && names->len)
        vec_push(w->mem, out, names->at[names->len - 1]->text);
    for (size_t i = 0; i < node->len; i++)
        if (node->at[i]->kind == TREE_MAP || node->at[i]->kind == TREE_LIST)
            mentioned_names(w, node->at[i], out);
}

static bool has_name(const struct str_list *names, str name)
{
    for (size_t i = 0; i < names->len; i++)
        if (str_eq_nocase(names->at[i], name))
            return true;
    return false;
}

static bool has_text(const struct tree *list, str name)
{
    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len; i++)
        if (str_eq_nocase(list->at[i]->text, name))
            return true;
    return false;
}

static str value_text(const struct tree *value)
{
    const struct tree *text = tree_find(value, STR("value"));

    return text && text->kind == TREE_SCALAR ? text->text : STR_NONE;
}

static str entry_name(struct lineage_walk *w, const struct tree *entry)
{
    str alias = tree_find_text(entry, STR("alias"));
    const struct tree *values = tree_find(entry, STR("values"));
    struct str_list texts = {0};

    if (alias.len)
        return alias;
    for (size_t i = 0; values && values->kind == TREE_LIST && i < values->len; i++) {
        str text = value_text(values->at[i]);
        /* How the engine spells a decimal or a date as a name is its own. */
        str type = tree_find_text(tree_find(values->at[i], STR("type")), STR("id"));

        if (!text.len || (!str_eq(type, STR("INTEGER")) && !str_eq(type, STR("VARCHAR"))))
            return STR_NONE;
        vec_push(w->mem, &texts, text);
    }
    return str_list_join(w->mem, &texts, STR("_"));
}

/* Names of all combinations of the entries; false when they cannot be told. */
static bool pivot_names(struct lineage_walk *w, const struct tree *pivots, struct str_list *out)
{
    vec_push(w->mem, out, STR(""));
    for (size_t i = 0; i < pivots->len; i++) {
        const struct tree *entries = tree_find(pivots->at[i], STR("entries"));
        struct str_list longer = {0};

        if (tree_find_text(pivots->at[i], STR("pivot_enum")).len || !entries
            || entries->kind != TREE_LIST || !entries->len
            || entries->len * out->len > PIVOT_COLUMNS_MAX
            || !lineage_step(w, entries->len * out->len))
            return false;
        for (size_t k = 0; k < out->len; k++)
            for (size_t m = 0; m < entries->len; m++) {
                str name = entry_name(w, entries->at[m]);

                if (tree_find(entries->at[m], STR("star_expr")))
                    return false;
                if (i && name.len && out->at[k].len)
                    name = arena_format(w->mem, STR_FMT "_" STR_FMT, STR_ARG(out->at[k]),
                                        STR_ARG(name));
                else if (i)
                    name = STR_NONE;
                vec_push(w->mem, &longer, name);
            }
        *out = longer;
    }
    return true;
}

static void add_pivoted(struct lineage_walk *w, const struct tree *aggregates,
                        const struct lineage_set *const *values, const struct lineage_set *keys,
                        const struct str_list *names, struct lineage_fields *out)
{
    for (size_t i = 0; i < names->len; i++) {
        for (size_t k = 0; k < aggregates->len && !w->is_spent; k++) {
            str alias = tree_find_text(aggregates->at[k], STR("alias")), name = names->at[i];
            struct lineage_set *set = lineage_set_new(w);

            lineage_merge(w, set, values[k], LINEAGE_AS_IS, 0, 0);
            lineage_merge(w, set, keys, LINEAGE_AS_CONDITION, 0, LINEAGE_TIES);
            if (alias.len && name.len)
                name = arena_format(w->mem, STR_FMT "_" STR_FMT, STR_ARG(name), STR_ARG(alias));
            else if (aggregates->len > 1)
                name = STR_NONE;
            vec_push(w->mem, out, ((struct lineage_field){.name = name, .set = set}));
        }
    }
}

static const struct lineage_from *bind_rows_to_columns(struct lineage_walk *w,
                                                       const struct tree *node,
                                                       const struct lineage_from *source,
                                                       const struct lineage_scope *outer)
{
    const struct tree *aggregates = tree_find(node, STR("aggregates")),
                      *pivots = tree_find(node, STR("pivots")),
                      *groups = tree_find(node, STR("groups"));
    struct lineage_scope scope = {
        .outer = outer, .from = source, .rows = &source->rows, .node = node};
    struct lineage_set keys = {0}, rows = {0};
    struct lineage_fields fields = {0};
    struct str_list names = {0}, used = {0};

    if (!aggregates || aggregates->kind != TREE_LIST || !pivots || pivots->kind != TREE_LIST
        || !pivot_names(w, pivots, &names))
        return from_open(w, node, source);
    const struct lineage_set **values =
        ARENA_ARRAY(w->mem, const struct lineage_set *, aggregates->len + 1);

    for (size_t i = 0; i < aggregates->len; i++) {
        struct lineage_set *set = lineage_set_new(w);

        lineage_value(w, &scope, aggregates->at[i], set);
        mentioned_names(w, aggregates->at[i], &used);
        values[i] = set;
    }
    for (size_t i = 0; i < pivots->len; i++) {
        const struct tree *expressions = tree_find(pivots->at[i], STR("pivot_expressions"));

        for (size_t k = 0; expressions && expressions->kind == TREE_LIST && k < expressions->len;
             k++) {
            struct lineage_set key = {0};

            lineage_value(w, &scope, expressions->at[k], &key);
            lineage_tie(w, &key, LINEAGE_GROUP_BY);
            lineage_merge(w, &keys, &key, LINEAGE_AS_IS, 0, 0);
            mentioned_names(w, expressions->at[k], &used);
        }
    }
    for (size_t i = 0; i < source->visible.len; i++) {
        const struct lineage_field *field = &source->visible.at[i];
        bool is_group =
            groups && groups->len ? has_text(groups, field->name) : !has_name(&used, field->name);

        if (field->is_open || !field->name.len)
            return from_open(w, node, source);
        if (!is_group)
            continue;
        vec_push(w->mem, &fields, *field);
        lineage_merge(w, &rows, field->set, LINEAGE_AS_GROUP, 0, LINEAGE_TIES);
    }
    lineage_merge(w, &rows, &keys, LINEAGE_AS_GROUP, 0, LINEAGE_TIES);
    lineage_merge(w, &rows, &source->rows, LINEAGE_AS_IS, 0, 0);
    add_pivoted(w, aggregates, values, &keys, &names, &fields);
    lineage_rename(w, &fields, tree_find(node, STR("column_name_alias")));
    return lineage_from_one(w, tree_find_text(node, STR("alias")), &fields, &rows);
}

/* The columns that an entry names; false when they cannot be told. */
static bool entry_columns(const struct tree *entry, const struct lineage_from *source,
                          struct lineage_set **sets, size_t len, struct lineage_walk *w,
                          struct str_list *taken)
{
    const struct tree *values = tree_find(entry, STR("values"));

    if (tree_find(entry, STR("star_expr")) || !values || values->kind != TREE_LIST
        || values->len != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        str name = value_text(values->at[i]);
        bool is_found = false;

        for (size_t k = 0; k < source->visible.len; k++) {
            if (source->visible.at[k].is_open)
                return false;
            if (!str_eq_nocase(source->visible.at[k].name, name))
                continue;
            lineage_merge(w, sets[i], source->visible.at[k].set, LINEAGE_AS_IS, 0, 0);
            is_found = true;
        }
        if (!is_found)
            return false;
        vec_push(w->mem, taken, name);
    }
    return true;
}

/* A star among the entries takes what it stands for. */
static bool star_columns(struct lineage_walk *w, const struct tree *entry,
                         const struct lineage_scope *scope, struct lineage_set *set,
                         struct str_list *taken)
{
    const struct tree *star = tree_find(entry, STR("star_expr"));
    struct lineage_fields fields = {0};

    if (!star || sql_shape_of(SQL_FAMILY_EXPRESSION, star) != SQL_SHAPE_STAR
        || !lineage_star_fields(w, scope, star, &fields))
        return false;
    for (size_t i = 0; i < fields.len; i++) {
        if (fields.at[i].is_open || !fields.at[i].name.len)
            return false;
        lineage_merge(w, set, fields.at[i].set, LINEAGE_AS_IS, 0, 0);
        vec_push(w->mem, taken, fields.at[i].name);
    }
    return true;
}

static const struct lineage_from *bind_columns_to_rows(struct lineage_walk *w,
                                                       const struct tree *node,
                                                       const struct lineage_from *source,
                                                       const struct lineage_scope *outer)
{
    const struct tree *names = tree_find(node, STR("unpivot_names")),
                      *pivots = tree_find(node, STR("pivots"));
    const struct tree *pivot =
        pivots && pivots->kind == TREE_LIST && pivots->len == 1 ? pivots->at[0] : NULL;
    const struct tree *keys = tree_find(pivot, STR("unpivot_names")),
                      *entries = tree_find(pivot, STR("entries"));
    struct lineage_scope scope = {.outer = outer, .from = source, .node = node};
    struct lineage_set **sets = ARENA_ARRAY(w->mem, struct lineage_set *, names->len + 1);
    struct lineage_set rows = {0};
    struct lineage_fields fields = {0};
    struct str_list taken = {0};

    for (size_t i = 0; i < names->len; i++)
        sets[i] = lineage_set_new(w);
    if (!pivot || !keys || keys->kind != TREE_LIST || keys->len != 1 || !entries
        || entries->kind != TREE_LIST)
        return from_open(w, node, source);
    for (size_t i = 0; i < entries->len; i++)
        if (!entry_columns(entries->at[i], source, sets, names->len, w, &taken)
            && (names->len != 1 || !star_columns(w, entries->at[i], &scope, sets[0], &taken)))
            return from_open(w, node, source);
    for (size_t i = 0; i < source->visible.len && lineage_step(w, taken.len); i++)
        if (source->visible.at[i].is_open)
            return from_open(w, node, source);
        else if (!has_name(&taken, source->visible.at[i].name))
            vec_push(w->mem, &fields, source->visible.at[i]);
    struct lineage_set *key = lineage_set_new(w);

    lineage_make(w, key, node, 0);
    vec_push(w->mem, &fields, ((struct lineage_field){.name = keys->at[0]->text, .set = key}));
    for (size_t i = 0; i < names->len; i++) {
        vec_push(w->mem, &fields,
                 ((struct lineage_field){.name = names->at[i]->text, .set = sets[i]}));
        /* A row whose values are all NULL is left out. */
        lineage_merge(w, &rows, sets[i], LINEAGE_AS_FILTER, 0, LINEAGE_TIES);
    }
    lineage_merge(w, &rows, &source->rows, LINEAGE_AS_IS, 0, 0);
    lineage_rename(w, &fields, tree_find(node, STR("column_name_alias")));
    return lineage_from_one(w, tree_find_text(node, STR("alias")), &fields, &rows);
}

const struct lineage_from *lineage_bind_pivot(struct lineage_walk *w, const struct tree *node,
                                              const struct lineage_scope *outer)
{
    static const struct lineage_from nothing = {0};
    const struct tree *source_node = tree_find(node, STR("source")),
                      *names = tree_find(node, STR("unpivot_names"));

    if (!source_node) {
        w->is_spent = true;
        return &nothing;
    }
    const struct lineage_from *source = lineage_bind(w, source_node, outer);

    return names && names->kind == TREE_LIST && names->len
             ? bind_columns_to_rows(w, node, source, outer)
             : bind_rows_to_columns(w, node, source, outer);
}
