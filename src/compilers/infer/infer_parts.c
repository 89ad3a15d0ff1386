/* What is inside of objects and lists. */
#include "buf/buf.h"
#include "contract/contract.h"
#include "infer/infer_inside.h"
#include "limits/limits.h"

static void infer_look(struct arena *mem, struct infer_table *table,
                       const struct infer_column *whole, int depth)
{
    struct str_list names = {0}, types = {0};
    str element;

    /* What has long names is asked for in long words, which a hundred times over would be too many. */
    if (depth > INFER_DEPTH_MAX || table->inside.len >= INFER_INSIDE_MAX
        || whole->sql.len > PATH_BYTES_MAX) {
        return;
    }
    if (depth > 0 && str_eq(whole->type, STR("VARCHAR"))) {
        vec_push(mem, &table->inside, *whole);
    } else if ((element = contract_type_element(mem, whole->type)).len > 0) {
        struct infer_column first = {
            .name = whole->name,
            .path = arena_format(mem, "%.*s[]", STR_ARG(whole->path)),
            .sql = arena_format(mem, "(%.*s)[1]", STR_ARG(whole->sql)),
            .type = element,
        };
        infer_look(mem, table, &first, depth + 1);
    } else if (contract_type_fields(mem, whole->type, &names, &types)) {
        for (size_t i = 0; i < names.len; i++) {
            struct buf *sql = buf_new(mem, SOURCE_SQL_BYTES_MAX);

            buf_format(sql, "struct_extract(%.*s, ", STR_ARG(whole->sql));
            buf_add_literal(sql, names.at[i]);
            buf_add(sql, STR(")"));
            struct infer_column field = {
                .name = names.at[i],
                .path = arena_format(mem, "%.*s.%.*s", STR_ARG(whole->path), STR_ARG(names.at[i])),
                .sql = buf_str(sql),
                .type = types.at[i],
            };
            infer_look(mem, table, &field, depth + 1);
        }
    }
}

void infer_look_inside(struct arena *mem, struct infer_table *table)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        struct buf *sql = buf_new(mem, SOURCE_SQL_BYTES_MAX);
        struct infer_column whole = table->columns.at[i];

        buf_add_identifier(sql, whole.name);
        whole.path = whole.name;
        whole.sql = buf_str(sql);
        infer_look(mem, table, &whole, 0);
    }
}

/* ---- written */

static const struct infer_column *infer_find(const struct infer_writer *w, str path)
{
    for (size_t i = 0; i < w->table->inside.len; i++) {
        if (str_eq(w->table->inside.at[i].path, path)) {
            return &w->table->inside.at[i];
        }
    }
    return NULL;
}

const struct infer_column *infer_find_elements(const struct infer_writer *w, str path)
{
    const struct infer_column *found = NULL;

    for (int depth = 0; depth <= INFER_DEPTH_MAX && found == NULL; depth++) {
        path = arena_format(w->mem, "%.*s[]", STR_ARG(path));
        found = infer_find(w, path);
    }
    return found;
}

/* A list of what has no properties says it in its type. */
static bool infer_has_parts(struct arena *mem, str type, int depth)
{
    struct str_list names = {0}, types = {0};

    if (depth >= INFER_DEPTH_MAX) {
        return false;
    }
    if (contract_type_fields(mem, type, &names, &types)) {
        return names.len > 0;
    }
    str element = str_ends(type, STR("[]")) ? contract_type_element(mem, type) : STR_NONE;
    return element.len > 0 && infer_has_parts(mem, element, depth + 1);
}

void infer_put_type(const struct infer_writer *w, struct tree *property, str type, int depth)
{
    infer_put(w->mem, property, "logicalType", infer_logical(w->mem, type));
    if (!infer_has_parts(w->mem, type, depth)) {
        infer_put(w->mem, property, "physicalType", type);
    }
}

static void infer_put_property(const struct infer_writer *w, struct tree *list, str name, str type,
                               str path, int depth)
{
    struct tree *property = tree_new(w->mem, TREE_MAP);
    struct infer_column unseen = {.name = name, .type = type};
    const struct infer_column *seen = infer_find(w, path);

    tree_push(w->mem, list, property);
    infer_put(w->mem, property, "name", name);
    infer_put_type(w, property, type, depth);
    seen = seen != NULL ? seen : infer_find_elements(w, path);
    infer_suggest_label(w, seen != NULL ? seen : &unseen, property);
    infer_put_parts(w, property, type, path, depth);
}

void infer_put_parts(const struct infer_writer *w, struct tree *property, str type, str path,
                     int depth)
{
    struct str_list names = {0}, types = {0};

    if (!infer_has_parts(w->mem, type, depth)) {
        return;
    }
    if (contract_type_fields(w->mem, type, &names, &types)) {
        struct tree *list = infer_put_new(w->mem, property, "properties", TREE_LIST);

        for (size_t i = 0; i < names.len; i++) {
            infer_put_property(
                w, list, names.at[i], types.at[i],
                arena_format(w->mem, "%.*s.%.*s", STR_ARG(path), STR_ARG(names.at[i])), depth + 1);
        }
        return;
    }
    struct tree *items = infer_put_new(w->mem, property, "items", TREE_MAP);
    str element = contract_type_element(w->mem, type);

    infer_put_type(w, items, element, depth + 1);
    infer_put_parts(w, items, element, arena_format(w->mem, "%.*s[]", STR_ARG(path)), depth + 1);
}
