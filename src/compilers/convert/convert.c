#include "convert/convert_inside.h"

#include "shape/shape.h"

/* A map that may hold customProperties, and what is put there. */
struct home {
    const struct tree *node;
    struct tree *custom; /* a list, or NULL */
};

static struct tree *fit_map(struct converter *c, const struct shape *shape, const struct tree *node,
                            struct home *home);

void convert_put(struct converter *c, struct tree *map, const char *key, struct tree *value)
{
    if (value && !tree_get(map, str_of(key)))
        CHECK(tree_put(c->mem, map, str_of(key), value));
}

struct tree *convert_scalar(struct converter *c, const struct tree *like, const char *text)
{
    struct tree *scalar = tree_text(c->mem, str_of(text));
    scalar->line = like ? like->line : 0;
    scalar->column = like ? like->column : 0;
    return scalar;
}

void convert_note(struct converter *c, const struct tree *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    str text = arena_format_args(c->mem, format, args);
    va_end(args);
    report_add(c->report, FINDING_NOTE, ERR_INVALID, tree_place(c->mem, c->file, node), STR_FMT,
               STR_ARG(text));
}

struct tree *convert_map(struct converter *c, const struct tree *node,
                         const struct convert_rename *renames)
{
    struct tree *map = tree_new(c->mem, TREE_MAP);
    map->line = node->line;
    map->column = node->column;
    for (size_t i = 0; i < node->len; i++) {
        const struct tree *child = node->at[i];
        const struct convert_rename *rename = renames;
        while (rename && rename->from && !str_eq(child->key, str_of(rename->from)))
            rename++;
        if (tree_is_null(child))
            continue;
        bool is_renamed = rename && rename->from;
        struct tree *value =
            is_renamed && rename->how ? rename->how(c, child) : tree_copy(c->mem, child);
        str key = is_renamed && rename->to ? str_of(rename->to) : arena_str(c->mem, child->key);
        if (value && !tree_put(c->mem, map, key, value))
            convert_note(c, child, STR_FMT " stands there under two names: the first is kept",
                         STR_ARG(key));
    }
    return map;
}

struct tree *convert_list(struct converter *c, const struct tree *list,
                          struct tree *(*how)(struct converter *c, const struct tree *node))
{
    if (list->kind != TREE_LIST)
        return tree_copy(c->mem, list);
    struct tree *out = tree_new(c->mem, TREE_LIST);
    for (size_t i = 0; i < list->len; i++) {
        struct tree *item =
            list->at[i]->kind == TREE_MAP ? how(c, list->at[i]) : tree_copy(c->mem, list->at[i]);
        if (item)
            tree_push(c->mem, out, item);
    }
    return out;
}

static struct tree *custom_item(struct converter *c, const struct tree *item)
{
    struct tree *out = tree_new(c->mem, TREE_MAP);
    for (size_t i = 0; i < item->len; i++)
        (void)tree_put(c->mem, out, arena_str(c->mem, item->at[i]->key),
                       tree_copy(c->mem, item->at[i]));
    convert_put(c, out, "value", tree_new(c->mem, TREE_NULL));
    return out;
}

struct tree *convert_custom(struct converter *c, const struct tree *list)
{
    return convert_list(c, list, custom_item);
}

struct tree *convert_opposite(struct converter *c, const struct tree *node)
{
    bool flag;
    struct tree *out = tree_copy(c->mem, node);
    if (tree_is_bool(node, &flag))
        out->text = flag ? STR("false") : STR("true");
    return out;
}

struct tree *convert_team(struct converter *c, const struct tree *list)
{
    struct tree *team = tree_new(c->mem, TREE_MAP);
    convert_put(c, team, "members", tree_copy(c->mem, list));
    return team;
}

/* ---- what has no place goes to the custom properties of the nearest map that has some */

/* `v2LogicalType` stood there as `logicalType`, a key that means something else by now. */
static str original_key(struct converter *c, str key)
{
    if (key.len < 3 || !str_starts(key, STR("v2")) || key.ptr[2] < 'A' || key.ptr[2] > 'Z')
        return key;
    return arena_format(c->mem, "%c" STR_FMT, key.ptr[2] + ('a' - 'A'), STR_ARG(str_from(key, 3)));
}

static void tell_moved(struct converter *c, const struct tree *node)
{
    str what = original_key(c, node->key);
    for (size_t i = 0; i < c->moved.len; i++)
        if (str_eq(c->moved.at[i].what, what)) {
            c->moved.at[i].count++;
            return;
        }
    vec_push(c->mem, &c->moved,
             ((struct convert_moved){
                 .what = what, .place = tree_place(c->mem, c->file, node), .count = 1}));
}

/* `type`, and `slaProperties[2].note` where the map has no custom properties of its own. */
static str path_below(struct converter *c, const struct home *home, const struct tree *node)
{
    str whole = tree_path(c->mem, node), base = tree_path(c->mem, home->node);
    if (!home->node->parent)
        return whole;
    str rest = str_from(whole, base.len);
    return str_starts(rest, STR(".")) ? str_from(rest, 1) : rest;
}

static void move_out(struct converter *c, struct home *home, const struct tree *node)
{
    struct tree *item = tree_new(c->mem, TREE_MAP);
    if (!home->custom)
        home->custom = tree_new(c->mem, TREE_LIST);
    convert_put(c, item, "property", tree_text(c->mem, path_below(c, home, node)));
    convert_put(c, item, "value", tree_copy(c->mem, node));
    tree_push(c->mem, home->custom, item);
    tell_moved(c, node);
}

static struct tree *fit_value(struct converter *c, const struct shape_key *key,
                              const struct tree *node, struct home *home)
{
    if (!key->shape || (node->kind != TREE_MAP && node->kind != TREE_LIST))
        return tree_copy(c->mem, node);
    if (node->kind == TREE_MAP)
        return fit_map(c, key->shape, node, home);
    struct tree *list = tree_new(c->mem, TREE_LIST);
    for (size_t i = 0; i < node->len; i++)
        tree_push(c->mem, list, fit_value(c, key, node->at[i], home));
    return list;
}

static struct tree *fit_map(struct converter *c, const struct shape *shape, const struct tree *node,
                            struct home *home)
{
    bool is_open;
    struct home own = {.node = node};
    bool has_custom = shape_find_key(shape, ODCS_3_1_0, node, STR("customProperties"), &is_open);
    struct home *to = has_custom || !home ? &own : home;
    struct tree *map = tree_new(c->mem, TREE_MAP);
    map->line = node->line;
    map->column = node->column;
    for (size_t i = 0; i < node->len; i++) {
        const struct tree *child = node->at[i];
        const struct shape_key *key = shape_find_key(shape, ODCS_3_1_0, node, child->key, &is_open);
        if (key || is_open)
            (void)tree_put(c->mem, map, child->key,
                           key ? fit_value(c, key, child, to) : tree_copy(c->mem, child));
        else if (!tree_is_null(child))
            move_out(c, to, child);
    }
    const struct tree *list = tree_find(map, STR("customProperties"));
    if (own.custom && list && list->kind == TREE_LIST)
        for (size_t i = 0; i < own.custom->len; i++)
            tree_push(c->mem, map->at[list->index], tree_copy(c->mem, own.custom->at[i]));
    else
        convert_put(c, map, "customProperties", own.custom);
    return map;
}

/* ---- the whole */

static struct tree *refuse(struct converter *c, const struct tree *node)
{
    const struct tree *version = tree_find(node, STR("apiVersion"));
    struct finding *f = report_add(c->report, FINDING_ERROR, ERR_INVALID,
                                   tree_place(c->mem, c->file, version ? version : node),
                                   "this is no contract that weft converts");
    f->found = shape_found(c->mem, version ? version : node);
    f->allowed = STR("a data contract of ODCS v2.2.x, v3.0.x or v3.1.0");
    return NULL;
}

static void tell_all_moved(struct converter *c)
{
    for (size_t i = 0; i < c->moved.len; i++) {
        const struct convert_moved *one = &c->moved.at[i];
        str times = one->count > 1 ? arena_format(c->mem, " (%zu times)", one->count) : STR_NONE;
        report_add(c->report, FINDING_NOTE, ERR_INVALID, one->place,
                   STR_FMT STR_FMT " has no place in v3.1.0: it is kept in customProperties",
                   STR_ARG(one->what), STR_ARG(times));
    }
}

/* Only what was not told before: deprecated keys are the standard's own. */
static void check_outcome(struct converter *c, const struct tree *out)
{
    struct report findings;
    report_init(&findings, c->mem);
    (void)shape_check_standard(c->mem, c->file, &shape_standard_odcs, out, &findings);
    for (size_t i = 0; i < findings.len; i++)
        if (findings.at[i].level == FINDING_ERROR) {
            vec_push(c->mem, c->report, findings.at[i]);
            c->report->errors++;
        }
}

struct tree *convert_contract(struct arena *mem, str file, const struct tree *document,
                              struct report *report)
{
    struct converter c = {.mem = mem, .file = file, .report = report};
    str version = tree_find_text(document, STR("apiVersion"));
    if (!document || document->kind != TREE_MAP)
        return refuse(&c, document);
    bool is_v2 = shape_is_odcs_v2(document);
    bool is_contract = str_eq(tree_find_text(document, STR("kind")), STR("DataContract"));
    if (!is_v2
        && !(is_contract && (str_starts(version, STR("v3.0.")) || str_eq(version, STR("v3.1.0")))))
        return refuse(&c, document);
    if (str_eq(version, STR("v3.1.0"))) {
        check_outcome(&c, document);
        return tree_copy(mem, document);
    }
    struct tree *renamed = is_v2 ? convert_from_v2(&c, document) : convert_from_v30(&c, document);
    struct tree *out = fit_map(&c, &shape_odcs, renamed, NULL);
    tell_all_moved(&c);
    check_outcome(&c, out);
    return out;
}
