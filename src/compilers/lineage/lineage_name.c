/* What a name in an expression means. What cannot be told takes everything that it could be. */
#include "lineage_inside.h"

enum { NAME_PARTS_MAX = 16 };

size_t lineage_texts(const struct tree *list, str *out, size_t most)
{
    size_t len = 0;

    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len && len < most; i++)
        out[len++] = list->at[i]->text;
    return len;
}

void lineage_fields_set(struct lineage_walk *w, const struct lineage_fields *fields,
                        enum lineage_role role, struct lineage_set *out)
{
    for (size_t i = 0; i < fields->len; i++)
        lineage_merge(w, out, fields->at[i].set, role, 0, 0);
}

/* What is asked for, where it is looked for, and what came of it. */
struct search {
    struct lineage_walk *w;
    struct lineage_set *out;
    bool is_found; /* surely */
    bool is_maybe; /* a column whose name is not known may be it */
};

static void take(struct search *s, const struct lineage_set *set, bool is_part)
{
    lineage_merge(s->w, s->out, set, is_part ? LINEAGE_AS_OPERAND : LINEAGE_AS_IS, 0, 0);
    s->is_found = true;
}

/* `is_part`: the name goes on, into a field of the column. */
static void search_fields(struct search *s, const struct lineage_fields *fields, str name,
                          bool is_part)
{
    bool before = s->is_found, is_known = false;

    lineage_step(s->w, fields->len);
    for (size_t i = 0; i < fields->len; i++) {
        const struct lineage_field *field = &fields->at[i];

        if (!field->is_open && str_eq_nocase(field->name, name)) {
            take(s, field->set, is_part);
            is_known = true;
        }
        for (size_t k = 0; field->is_open && field->among && k < field->among->len; k++) {
            if (!str_eq_nocase(field->among->at[k].name, name))
                continue;
            take(s, field->among->at[k].set, is_part);
            is_known = true;
        }
    }
    for (size_t i = 0; i < fields->len; i++) {
        const struct lineage_field *field = &fields->at[i];
        bool is_blank = field->is_open ? field->among == NULL : field->name.len == 0;

        if (!is_blank || (is_known && !field->is_open))
            continue;
        take(s, field->set, true);
        s->is_maybe = true;
        s->is_found = before || is_known;
    }
}

/* How many parts of the name say this table: 0 when it is another. */
static size_t match_relation(const struct lineage_relation *r, const str *parts, size_t len)
{
    if (len > 2 && r->catalog.len && str_eq_nocase(parts[0], r->catalog)
        && str_eq_nocase(parts[1], r->schema) && str_eq_nocase(parts[2], r->alias))
        return 3;
    if (len > 1 && r->schema.len && str_eq_nocase(parts[0], r->schema)
        && str_eq_nocase(parts[1], r->alias))
        return 2;
    return str_eq_nocase(parts[0], r->alias) ? 1 : 0;
}

static void search_relations(struct search *s, const struct lineage_from *from, const str *parts,
                             size_t len)
{
    for (size_t i = 0; i < from->relations.len; i++) {
        const struct lineage_relation *r = &from->relations.at[i];
        size_t used = match_relation(r, parts, len);

        if (used && used < len)
            search_fields(s, &r->fields, parts[used], len > used + 1);
    }
}

/* A table's name where a value stands is its row. */
static void search_rows(struct search *s, const struct lineage_from *from, const str *parts,
                        size_t len)
{
    for (size_t i = 0; i < from->relations.len; i++) {
        const struct lineage_relation *r = &from->relations.at[i];

        if (match_relation(r, parts, len) != len)
            continue;
        lineage_fields_set(s->w, &r->fields, LINEAGE_AS_OPERAND, s->out);
        s->is_found = true;
    }
}

static void search_aliases(struct search *s, const struct lineage_scope *scope, str name,
                           bool is_part)
{
    if (!scope->items)
        return;
    lineage_step(s->w, scope->items->len);
    for (size_t i = 0; i < scope->items->len; i++) {
        if (scope->items->at[i].is_busy || !scope->items->at[i].alias.len
            || !str_eq_nocase(scope->items->at[i].alias, name))
            continue;
        take(s, lineage_item_set(s->w, scope, i), is_part);
    }
}

static void search_scope(struct search *s, const struct lineage_scope *scope, const str *parts,
                         size_t len)
{
    if (scope->is_alias_first) {
        search_aliases(s, scope, parts[0], len > 1);
        if (s->is_found)
            return;
    }
    if (len > 1)
        search_relations(s, scope->from, parts, len);
    if (!s->is_found)
        search_fields(s, &scope->from->visible, parts[0], len > 1);
    if (!s->is_found)
        search_aliases(s, scope, parts[0], len > 1);
    if (!s->is_found)
        search_rows(s, scope->from, parts, len);
}

static void take_all_in_sight(struct lineage_walk *w, const struct lineage_scope *scope,
                              struct lineage_set *out)
{
    for (; scope; scope = scope->outer) {
        for (size_t i = 0; i < scope->from->relations.len; i++)
            lineage_fields_set(w, &scope->from->relations.at[i].fields, LINEAGE_AS_OPERAND, out);
        lineage_fields_set(w, &scope->from->visible, LINEAGE_AS_OPERAND, out);
    }
}

void lineage_resolve(struct lineage_walk *w, const struct lineage_scope *scope, const str *parts,
                     size_t len, struct lineage_set *out)
{
    struct search s = {.w = w, .out = out};

    /* The list that an element comes from is an argument of the same function: its columns are taken there. */
    for (const struct lineage_name *at = w->parameters; at; at = at->next)
        if (str_eq_nocase(at->name, parts[0]))
            return;
    for (const struct lineage_scope *at = scope; at && !s.is_found; at = at->outer)
        search_scope(&s, at, parts, len);
    if (s.is_found || s.is_maybe || (len == 1 && lineage_is_keyword(parts[0])))
        return;
    take_all_in_sight(w, scope, out);
}

str lineage_type_of(const struct lineage_scope *scope, const struct tree *node)
{
    str parts[NAME_PARTS_MAX];
    size_t len = lineage_texts(tree_find(node, STR("column_names")), parts, NAME_PARTS_MAX);
    const struct lineage_fields *fields = &scope->from->visible;

    if (len == 2) {
        for (size_t i = 0; i < scope->from->relations.len; i++)
            if (str_eq_nocase(scope->from->relations.at[i].alias, parts[0]))
                fields = &scope->from->relations.at[i].fields;
    } else if (len != 1) {
        return STR_NONE;
    }
    for (size_t i = 0; i < fields->len; i++)
        if (str_eq_nocase(fields->at[i].name, parts[len - 1]))
            return fields->at[i].type;
    return STR_NONE;
}

const struct lineage_set *lineage_item_set(struct lineage_walk *w,
                                           const struct lineage_scope *scope, size_t index)
{
    struct lineage_item *item = &scope->items->at[index];

    if (!item->set) {
        struct lineage_scope plain = *scope;
        struct lineage_set *set = lineage_set_new(w);

        plain.is_alias_first = false;
        item->is_busy = true;
        lineage_value(w, &plain, item->node, set);
        item->is_busy = false;
        item->set = set;
    }
    return item->set;
}

static bool has_name(const struct lineage_fields *fields, size_t len, str name)
{
    for (size_t i = 0; i < len; i++)
        if (str_eq_nocase(fields->at[i].name, name))
            return true;
    return false;
}

void lineage_name_apart(struct lineage_walk *w, struct lineage_fields *fields)
{
    struct map seen;

    map_init(&seen, w->mem);
    for (size_t i = 0; i < fields->len; i++) {
        struct lineage_field *field = &fields->at[i];

        if (field->is_open || !field->name.len || !lineage_step(w, 1))
            continue;
        str key = arena_lower(w->mem, field->name);
        uint32_t *count = map_find(&seen, key);

        if (!count) {
            count = ARENA_NEW(w->mem, uint32_t);
            map_put(&seen, key, count);
            continue;
        }
        do {
            field->name = arena_format(w->mem, STR_FMT "_%u", STR_ARG(key), ++*count);
        } while (has_name(fields, i, field->name) && lineage_step(w, i));
    }
}

void lineage_rename(struct lineage_walk *w, struct lineage_fields *fields, const struct tree *names)
{
    size_t len = names && names->kind == TREE_LIST ? names->len : 0;
    bool is_open = false;

    for (size_t i = 0; i < len && i < fields->len; i++)
        is_open = is_open || fields->at[i].is_open;
    if (!is_open) {
        for (size_t i = 0; i < len && i < fields->len; i++)
            fields->at[i].name = names->at[i]->text;
        return;
    }
    /* Which column the n-th is cannot be told. */
    struct lineage_set *set = lineage_set_new(w);

    lineage_fields_set(w, fields, LINEAGE_AS_IS, set);
    *fields = (struct lineage_fields){0};
    vec_push(w->mem, fields, ((struct lineage_field){.set = set, .is_open = true}));
}
