#include "buf/buf.h"
#include "contract/contract_change_inside.h"
#include "contract/contract_life.h"
#include "limits/limits.h"
#include "shape/shape.h"
#include "version/version.h"

static const struct {
    const char *name, *why;
    enum contract_change_class class;
} kinds[CHANGE_KINDS] = {
#define CHANGE(name, text, class, what, why) {text, why, CHANGE_##class},
#include "contract/contract_changes.def"
#undef CHANGE
};

static void compare_head(struct contract_comparison *c, const struct contract *before,
                         const struct contract *now);
static void compare_roles(struct contract_comparison *c, const struct contract *before,
                          const struct contract *now);
static void compare_tables(struct contract_comparison *c, const struct contract *before,
                           const struct contract *now);

void contract_compare(struct arena *mem, const struct contract *before, const struct contract *now,
                      struct contract_changes *out)
{
    const struct contract *there = now ? now : before;
    struct contract_comparison c = {
        .mem = mem, .out = out, .file = there->file, .place = there->place};
    if (!before || !now) {
        contract_add_change(&c, before ? CHANGE_CONTRACT_REMOVED : CHANGE_CONTRACT_ADDED,
                            before ? before->version : STR_NONE, now ? now->version : STR_NONE);
        return;
    }
    compare_head(&c, before, now);
    compare_roles(&c, before, now);
    contract_compare_promises(&c, tree_find(before->source, STR("slaProperties")),
                              tree_find(now->source, STR("slaProperties")));
    compare_tables(&c, before, now);
}

enum contract_change_class contract_change_class(enum contract_change_kind kind)
{
    return kinds[kind].class;
}

const char *contract_change_name(enum contract_change_kind kind)
{
    return kinds[kind].name;
}

const char *contract_change_why(enum contract_change_kind kind)
{
    return kinds[kind].why;
}

const char *contract_change_class_name(enum contract_change_class class)
{
    static const char *const names[] = {"additive", "breaking", "documentation"};
    return names[class];
}

str contract_change_text(struct arena *mem, const struct contract_change *change)
{
    struct buf *b = buf_new(mem, DOCUMENT_BYTES_MAX);
    buf_format(b, "%s", kinds[change->kind].name);
    if (change->table.len)
        buf_format(b, ": " STR_FMT "%s" STR_FMT, STR_ARG(change->table),
                   change->column.len ? "." : "", STR_ARG(change->column));
    if (change->before.len && change->now.len)
        buf_format(b, ", " STR_FMT " -> " STR_FMT, STR_ARG(change->before), STR_ARG(change->now));
    else if (change->before.len || change->now.len)
        buf_format(b, ", " STR_FMT, STR_ARG(change->before.len ? change->before : change->now));
    return buf_str(b);
}

uint64_t contract_major(str version)
{
    str head, rest;
    uint64_t major = 0;
    if (str_starts(version, STR("v")) || str_starts(version, STR("V")))
        version = str_from(version, 1);
    (void)str_cut(version, '.', &head, &rest);
    return str_to_u64(head, &major) ? major : 0;
}

void contract_add_change(struct contract_comparison *c, enum contract_change_kind kind, str before,
                         str now)
{
    vec_push(c->mem, c->out,
             ((struct contract_change){.kind = kind,
                                       .table = c->table,
                                       .column = c->column,
                                       .before = before,
                                       .now = now,
                                       .place = c->place}));
}

str contract_shown(struct arena *mem, const struct tree *node)
{
    if (!node)
        return STR_NONE;
    if (node->kind == TREE_SCALAR)
        return node->text;
    struct buf *b = buf_new(mem, DOCUMENT_BYTES_MAX);
    tree_json(node, b);
    return buf_str(b);
}

static bool has_other(const struct tree *map, const struct tree *other, const char *keys)
{
    for (size_t i = 0; map && map->kind == TREE_MAP && i < map->len; i++) {
        const struct tree *child = map->at[i];
        if (shape_has_word(keys, child->key) || tree_is_null(child))
            continue;
        const struct tree *beside = tree_find(other, child->key);
        if (!beside || !tree_equal(child, beside))
            return true;
    }
    return false;
}

bool contract_equal_without(const struct tree *before, const struct tree *now, const char *keys)
{
    return !has_other(before, now, keys) && !has_other(now, before, keys);
}

bool contract_is_kept_as_text(str type)
{
    return str_find(type, STR("VARCHAR")) < type.len || str_find(type, STR("JSON")) < type.len;
}

/* ---- labels */

static void compare_text_label(struct contract_comparison *c, str before, str now)
{
    if (str_eq(before, now))
        return;
    if (before.len)
        contract_add_change(c, CHANGE_LABEL_REMOVED, before, STR_NONE);
    if (now.len)
        contract_add_change(c, CHANGE_LABEL_ADDED, STR_NONE, now);
}

static void compare_tags(struct contract_comparison *c, const struct str_list *before,
                         const struct str_list *now)
{
    for (size_t i = 0; i < before->len; i++)
        if (!str_list_has(now, before->at[i]))
            contract_add_change(c, CHANGE_LABEL_REMOVED, before->at[i], STR_NONE);
    for (size_t i = 0; i < now->len; i++)
        if (!str_list_has(before, now->at[i]))
            contract_add_change(c, CHANGE_LABEL_ADDED, STR_NONE, now->at[i]);
}

static const struct contract_field *find_field(const struct contract_column *column, str path)
{
    for (size_t i = 0; i < column->fields.len; i++)
        if (str_eq(column->fields.at[i].path, path))
            return &column->fields.at[i];
    return NULL;
}

/* Of a property inside of the column, which may have gone or come with its labels. */
static void compare_field(struct contract_comparison *c, const struct contract_field *before,
                          const struct contract_field *now)
{
    static const struct contract_field none = {0};
    struct contract_comparison inner = *c;
    inner.column = arena_format(c->mem, STR_FMT "." STR_FMT, STR_ARG(c->column),
                                STR_ARG(before ? before->path : now->path));
    before = before ? before : &none;
    now = now ? now : &none;
    compare_text_label(&inner, before->classification, now->classification);
    compare_tags(&inner, &before->tags, &now->tags);
}

static void compare_labels(struct contract_comparison *c, const struct contract_column *before,
                           const struct contract_column *now)
{
    compare_text_label(c, before->classification, now->classification);
    compare_tags(c, &before->tags, &now->tags);
    for (size_t i = 0; i < before->fields.len; i++)
        compare_field(c, &before->fields.at[i], find_field(now, before->fields.at[i].path));
    for (size_t i = 0; i < now->fields.len; i++)
        if (!find_field(before, now->fields.at[i].path))
            compare_field(c, NULL, &now->fields.at[i]);
}

/* ---- the head and its roles */

/* Of the contract as a whole, told where it says so. */
static void add_head_change(struct contract_comparison *c, enum contract_change_kind kind,
                            str before, str now, const struct tree *node)
{
    struct place whole = c->place;
    if (node)
        c->place = tree_place(c->mem, c->file, node);
    contract_add_change(c, kind, before, now);
    c->place = whole;
}

/* What stands behind `+` has no order, but is another version. */
static bool has_other_build(str before, str now)
{
    str numbers, was, is;
    (void)str_cut(before, '+', &numbers, &was);
    (void)str_cut(now, '+', &numbers, &is);
    return !str_eq(was, is);
}

static void compare_version(struct contract_comparison *c, str before, str now,
                            const struct tree *node)
{
    int order = 0;
    /* What has no order is not known to go on. */
    if (!str_eq(before, now) && !version_order(now, before, &order))
        order = -1;
    if (order != 0 || has_other_build(before, now))
        add_head_change(c,
                        order < 0                                       ? CHANGE_VERSION_LOWERED
                        : contract_major(now) == contract_major(before) ? CHANGE_VERSION_RAISED
                                                                        : CHANGE_MAJOR_RAISED,
                        before, now, node);
}

static str lifecycle_text(struct arena *mem, const struct contract *contract)
{
    const struct tree *sunset = contract_custom(contract->custom, STR("sunset"));
    const struct tree *successor = contract_custom(contract->custom, STR("successor"));
    return arena_format(mem, STR_FMT "%s" STR_FMT "%s" STR_FMT, STR_ARG(contract->status),
                        sunset ? " until " : "", STR_ARG(contract_shown(mem, sunset)),
                        successor ? ", then " : "", STR_ARG(contract_shown(mem, successor)));
}

static void compare_head(struct contract_comparison *c, const struct contract *before,
                         const struct contract *now)
{
    str was = lifecycle_text(c->mem, before), is = lifecycle_text(c->mem, now);
    if (!str_eq(before->id, now->id))
        add_head_change(c, CHANGE_ID_CHANGED, before->id, now->id,
                        tree_find(now->source, STR("id")));
    compare_version(c, before->version, now->version, tree_find(now->source, STR("version")));
    bool is_withdrawn = !shape_has_word("proposed draft retired", before->status)
                     && shape_has_word("proposed draft retired", now->status);
    struct contract_life life_was, life_is;
    contract_life(before, INT64_MIN, &life_was);
    contract_life(now, INT64_MIN, &life_is);
    bool is_ending = life_was.sunset_us && life_is.stage == CONTRACT_DEPRECATED;
    bool is_earlier = is_ending && life_is.sunset_us && life_is.sunset_us < life_was.sunset_us;
    if (!str_eq(was, is))
        add_head_change(c,
                        is_withdrawn                      ? CHANGE_STATUS_WITHDRAWN
                        : is_earlier                      ? CHANGE_SUNSET_EARLIER
                        : is_ending && !life_is.sunset_us ? CHANGE_SUNSET_REMOVED
                                                          : CHANGE_STATUS_CHANGED,
                        was, is,
                        is_earlier ? contract_custom(now->custom, STR("sunset"))
                                   : tree_find(now->source, STR("status")));
    compare_tags(c, &before->tags, &now->tags);
    if (!contract_equal_without(before->source, now->source,
                                "id schema servers roles slaProperties version status tags")
        && str_eq(was, is))
        contract_add_change(c, CHANGE_DESCRIPTION_CHANGED, STR_NONE, STR_NONE);
}

static const struct tree *role_node(const struct contract *contract, str name)
{
    const struct tree *list = tree_find(contract->source, STR("roles"));
    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len; i++)
        if (str_eq(tree_find_text(list->at[i], STR("role")), name))
            return list->at[i];
    return list;
}

static void compare_roles(struct contract_comparison *c, const struct contract *before,
                          const struct contract *now)
{
    for (size_t i = 0; i < before->roles.len; i++) {
        const struct contract_role *was = &before->roles.at[i];
        const struct contract_role *is = contract_find_role(now, was->role);
        if (!is)
            add_head_change(c, CHANGE_ROLE_REMOVED, was->role, STR_NONE, role_node(now, was->role));
        else if (!str_eq(was->access, is->access)
                 || !str_eq(was->first_approvers, is->first_approvers)
                 || !str_eq(was->second_approvers, is->second_approvers))
            add_head_change(c, CHANGE_ROLE_CHANGED, STR_NONE, is->role, role_node(now, is->role));
    }
    for (size_t i = 0; i < now->roles.len; i++)
        if (!contract_find_role(before, now->roles.at[i].role))
            add_head_change(c, CHANGE_ROLE_ADDED, STR_NONE, now->roles.at[i].role,
                            role_node(now, now->roles.at[i].role));
}

/* ---- what is the same under another name: as ids are given at apply, the declared id first, then the name */

static bool is_same(str id_before, str name_before, str id_now, str name_now, bool by_id)
{
    if (by_id)
        return id_before.len && str_eq(id_before, id_now);
    return str_eq_nocase(name_before, name_now)
        && (!id_before.len || !id_now.len || str_eq(id_before, id_now));
}

static const struct contract_table *table_now(const struct contract *now,
                                              const struct contract_table *was)
{
    for (int by_id = 1; by_id >= 0; by_id--)
        for (size_t i = 0; i < now->tables.len; i++)
            if (is_same(was->id, was->name, now->tables.at[i].id, now->tables.at[i].name, by_id))
                return &now->tables.at[i];
    return NULL;
}

/* The columns of a table by their ids; of an id that two have, the first. */
static void index_ids(struct arena *mem, const struct contract_table *table, struct map *out)
{
    map_init(out, mem);
    for (size_t i = 0; i < table->columns.len; i++)
        if (table->columns.at[i].id.len && !map_find(out, table->columns.at[i].id))
            map_put(out, table->columns.at[i].id, &table->columns.at[i]);
}

static const struct contract_column *column_now(const struct contract_table *now,
                                                const struct map *ids,
                                                const struct contract_column *was)
{
    const struct contract_column *found = was->id.len ? map_find(ids, was->id) : NULL;
    if (found)
        return found;
    found = contract_find_column(now, was->name);
    return found && is_same(was->id, was->name, found->id, found->name, false) ? found : NULL;
}

/* ---- columns */

static void compare_type(struct contract_comparison *c, str before, str now)
{
    if (str_eq(before, now))
        return;
    contract_add_change(c,
                        contract_type_extends(before, now)   ? CHANGE_TYPE_WIDENED
                        : contract_type_extends(now, before) ? CHANGE_TYPE_NARROWED
                                                             : CHANGE_TYPE_CHANGED,
                        before, now);
}

static void compare_flag(struct contract_comparison *c, bool before, bool now,
                         enum contract_change_kind added, enum contract_change_kind removed)
{
    if (before != now)
        contract_add_change(c, now ? added : removed, STR_NONE, STR_NONE);
}

static bool has_options(const struct tree *property)
{
    const struct tree *options = tree_find(property, STR("logicalTypeOptions"));
    return options && options->kind == TREE_MAP && options->len;
}

/* Of what is kept as text or JSON its declaration says what it is, and of any other value it is the logicalType that gives its options
 * a meaning. */
static bool declares_other(const struct tree *before, const struct tree *now, bool is_text)
{
    str was = tree_find_text(before, STR("logicalType"));
    str is = tree_find_text(now, STR("logicalType"));
    if (!was.len || str_eq(was, is))
        return false;
    if (is_text)
        return is.len || !str_eq(was, STR("string"));
    return has_options(before)
        && !(shape_has_word("integer number", was) && shape_has_word("integer number", is));
}

static void add_declared(struct contract_comparison *c, const struct tree *before,
                         const struct tree *now)
{
    str is = tree_find_text(now, STR("logicalType"));
    contract_add_change(c, CHANGE_TYPE_CHANGED, tree_find_text(before, STR("logicalType")),
                        is.len ? is : STR("no logicalType"));
}

/* Both are parts without parts of their own. */
static bool are_leaves(const struct tree *before, const struct tree *now)
{
    return !tree_find(before, STR("properties")) && !tree_find(before, STR("items"))
        && !tree_find(now, STR("properties")) && !tree_find(now, STR("items"));
}

/* A part of a column whose type tells nothing of it. Is the change told? */
static bool compare_declared(struct contract_comparison *c, const struct tree *before,
                             const struct tree *now, str type)
{
    struct report ignored;
    bool is_text = contract_is_kept_as_text(type);
    if (declares_other(before, now, is_text)) {
        add_declared(c, before, now);
        return true;
    }
    if (!is_text || !are_leaves(before, now))
        return false;
    report_init(&ignored, c->mem);
    str was = contract_type(c->mem, c->file, before, &ignored);
    str is = contract_type(c->mem, c->file, now, &ignored);
    if (!was.len || str_eq(was, is))
        return false;
    contract_add_change(c, CHANGE_TYPE_CHANGED, was, is);
    return true;
}

static void compare_nested(struct contract_comparison *c, const struct tree *before,
                           const struct tree *now, str type);

static bool flag_of(const struct tree *node, const char *key)
{
    bool flag = false;
    return tree_is_bool(tree_find(node, str_of(key)), &flag) && flag;
}

/* A property inside of a column; `type`: that of the column where it stays what it was, and so tells nothing of its parts. */
static void compare_part(struct contract_comparison *c, str name, const struct tree *before,
                         const struct tree *now, str type)
{
    struct contract_comparison inner = *c;
    inner.column = arena_format(c->mem, STR_FMT "%s" STR_FMT, STR_ARG(c->column),
                                str_eq(name, STR("[]")) ? "" : ".", STR_ARG(name));
    if (!before || !now) {
        if (type.len)
            contract_add_change(&inner, before ? CHANGE_COLUMN_REMOVED : CHANGE_COLUMN_ADDED,
                                STR_NONE, STR_NONE);
        return;
    }
    inner.place = tree_place(c->mem, c->file, now);
    compare_flag(&inner, flag_of(before, "required"), flag_of(now, "required"),
                 CHANGE_REQUIRED_ADDED, CHANGE_REQUIRED_REMOVED);
    compare_flag(&inner, flag_of(before, "unique"), flag_of(now, "unique"), CHANGE_UNIQUE_ADDED,
                 CHANGE_UNIQUE_REMOVED);
    bool is_told = type.len && compare_declared(&inner, before, now, type);
    contract_compare_options(&inner, before, now, type);
    if (type.len && !is_told
        && !contract_equal_without(before, now,
                                   "id name logicalTypeOptions required unique classification tags "
                                   "quality properties items relationships"))
        contract_add_change(&inner, CHANGE_DESCRIPTION_CHANGED, STR_NONE, STR_NONE);
    compare_nested(&inner, before, now, type);
}

static const struct tree *part_named(const struct tree *parts, str name)
{
    for (size_t i = 0; parts && parts->kind == TREE_LIST && i < parts->len; i++)
        if (str_eq(tree_find_text(parts->at[i], STR("name")), name))
            return parts->at[i];
    return NULL;
}

static void compare_nested(struct contract_comparison *c, const struct tree *before,
                           const struct tree *now, str type)
{
    const struct tree *was = tree_find(before, STR("properties"));
    const struct tree *is = tree_find(now, STR("properties"));
    for (size_t i = 0; was && was->kind == TREE_LIST && i < was->len; i++) {
        str name = tree_find_text(was->at[i], STR("name"));
        compare_part(c, name, was->at[i], part_named(is, name), type);
    }
    for (size_t i = 0; is && is->kind == TREE_LIST && i < is->len; i++) {
        str name = tree_find_text(is->at[i], STR("name"));
        if (!part_named(was, name))
            compare_part(c, name, NULL, is->at[i], type);
    }
    was = tree_find(before, STR("items"));
    is = tree_find(now, STR("items"));
    if (was || is)
        compare_part(c, STR("[]"), was, is, type);
}

static void compare_column(struct contract_comparison *c, const struct contract_column *before,
                           const struct contract_column *now)
{
    c->column = before->name;
    c->place = now->place;
    if (!str_eq(before->name, now->name))
        contract_add_change(c, CHANGE_COLUMN_RENAMED, before->name, now->name);
    compare_type(c, before->type, now->type);
    compare_flag(c, before->required, now->required, CHANGE_REQUIRED_ADDED,
                 CHANGE_REQUIRED_REMOVED);
    compare_flag(c, before->unique, now->unique, CHANGE_UNIQUE_ADDED, CHANGE_UNIQUE_REMOVED);
    contract_compare_options(c, before->source, now->source, before->type);
    compare_labels(c, before, now);
    bool is_same_type = str_eq(before->type, now->type);
    bool is_text = str_eq(before->type, STR("VARCHAR")) || str_eq(before->type, STR("JSON"));
    bool is_other = is_same_type && declares_other(before->source, now->source, is_text);
    if (is_other)
        add_declared(c, before->source, now->source);
    compare_nested(c, before->source, now->source, is_same_type ? before->type : STR_NONE);
    /* Another spelling of the same type says something to people. */
    bool says_other = is_same_type && !is_other
                   && (!str_eq(before->logical_type, now->logical_type)
                       || !str_eq(before->physical_type, now->physical_type));
    if (!contract_equal_without(
            before->source, now->source,
            "id name logicalType physicalType logicalTypeOptions required unique primaryKey "
            "primaryKeyPosition classification tags quality properties items relationships")
        || says_other)
        contract_add_change(c, CHANGE_DESCRIPTION_CHANGED, STR_NONE, STR_NONE);
}

static void compare_columns(struct contract_comparison *c, const struct contract_table *before,
                            const struct contract_table *now, struct contract_renamed *renamed)
{
    size_t last = 0;
    bool is_moved = false, *was_there = ARENA_ARRAY(c->mem, bool, now->columns.len + 1);
    struct map ids;
    index_ids(c->mem, now, &ids);
    for (size_t i = 0; i < before->columns.len; i++) {
        const struct contract_column *was = &before->columns.at[i];
        const struct contract_column *is = column_now(now, &ids, was);
        if (is) {
            is_moved = is_moved || (size_t)(is - now->columns.at) < last;
            last = (size_t)(is - now->columns.at);
            was_there[last] = true;
            vec_push(c->mem, &renamed->before, was->name);
            vec_push(c->mem, &renamed->now, is->name);
            compare_column(c, was, is);
            continue;
        }
        c->column = was->name;
        c->place = now->place;
        contract_add_change(c, CHANGE_COLUMN_REMOVED, was->type, STR_NONE);
    }
    for (size_t i = 0; i < now->columns.len; i++) {
        c->column = now->columns.at[i].name;
        c->place = now->columns.at[i].place;
        if (!was_there[i])
            contract_add_change(c, CHANGE_COLUMN_ADDED, STR_NONE, now->columns.at[i].type);
    }
    c->column = STR_NONE;
    c->place = now->place;
    if (is_moved)
        contract_add_change(c, CHANGE_COLUMN_MOVED, STR_NONE, STR_NONE);
}

/* Names of the key in its order, as they are called now. */
static str key_text(struct arena *mem, const struct contract_table *table,
                    const struct contract_renamed *renamed)
{
    struct str_list names = {0};
    contract_key(mem, table, &names);
    for (size_t i = 0; renamed && i < names.len; i++)
        for (size_t j = 0; j < renamed->before.len; j++)
            if (str_eq(renamed->before.at[j], names.at[i])) {
                names.at[i] = renamed->now.at[j];
                break;
            }
    return str_list_join(mem, &names, STR(", "));
}

static void compare_key(struct contract_comparison *c, const struct contract_table *before,
                        const struct contract_table *now, const struct contract_renamed *renamed)
{
    str was = key_text(c->mem, before, renamed), is = key_text(c->mem, now, NULL);
    if (str_eq(was, is))
        return;
    contract_add_change(c,
                        !was.len  ? CHANGE_KEY_ADDED
                        : !is.len ? CHANGE_KEY_REMOVED
                                  : CHANGE_KEY_CHANGED,
                        was, is);
}

/* ---- tables */

static void compare_table(struct contract_comparison *c, const struct contract_table *before,
                          const struct contract_table *now)
{
    struct contract_renamed renamed = {0};
    c->table = before->name;
    c->place = now->place;
    if (!str_eq(before->name, now->name))
        contract_add_change(c, CHANGE_TABLE_RENAMED, before->name, now->name);
    compare_tags(c, &before->tags, &now->tags);
    if (!contract_equal_without(before->source, now->source,
                                "id name properties quality tags relationships"))
        contract_add_change(c, CHANGE_DESCRIPTION_CHANGED, STR_NONE, STR_NONE);
    compare_columns(c, before, now, &renamed);
    compare_key(c, before, now, &renamed);
    contract_compare_rules(c, before, now, &renamed);
    c->table = c->column = STR_NONE;
}

static void compare_tables(struct contract_comparison *c, const struct contract *before,
                           const struct contract *now)
{
    for (size_t i = 0; i < before->tables.len; i++) {
        const struct contract_table *was = &before->tables.at[i], *is = table_now(now, was);
        if (is) {
            compare_table(c, was, is);
            continue;
        }
        c->table = was->name;
        c->place = now->place;
        contract_add_change(c, CHANGE_TABLE_REMOVED, STR_NONE, STR_NONE);
    }
    for (size_t i = 0; i < now->tables.len; i++) {
        bool is_known = false;
        for (size_t j = 0; j < before->tables.len; j++)
            is_known = is_known || table_now(now, &before->tables.at[j]) == &now->tables.at[i];
        c->table = now->tables.at[i].name;
        c->place = now->tables.at[i].place;
        if (!is_known)
            contract_add_change(c, CHANGE_TABLE_ADDED, STR_NONE, STR_NONE);
    }
    c->table = STR_NONE;
}
