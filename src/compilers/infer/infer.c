#include "infer/infer_inside.h"

#include "contract/contract.h"
#include "limits/limits.h"
#include "shape/shape_names.h"

/* ---- names */

str infer_name(struct arena *mem, str name, struct str_list *taken)
{
    struct buf *b = buf_new(mem, NAME_BYTES_MAX);

    for (size_t i = 0; i < name.len && b->len < NAME_BYTES_MAX - 8; i++) {
        char c = name.ptr[i];
        bool is_upper = c >= 'A' && c <= 'Z', is_digit = c >= '0' && c <= '9';
        bool was_lower = i > 0 && name.ptr[i - 1] >= 'a' && name.ptr[i - 1] <= 'z';

        if (is_upper && was_lower) {
            buf_add_byte(b, '_');
        }
        if (is_upper || (c >= 'a' && c <= 'z') || (is_digit && b->len > 0)) {
            buf_add_byte(b, is_upper ? (char)(c - 'A' + 'a') : c);
        } else if (is_digit) {
            buf_format(b, "n%c", c);
        } else if (b->len > 0 && b->ptr[b->len - 1] != '_') {
            buf_add_byte(b, '_');
        }
    }
    while (b->len > 0 && b->ptr[b->len - 1] == '_') {
        b->len--;
    }
    str stem = b->len > 0 ? buf_copy(b, mem) : STR("column"), made = stem;
    static const char *const ours[] = {"memory", "main", "system", "temp", "mesh", "self", NULL};
    for (int i = 0; ours[i] != NULL; i++) {
        made = str_eq(stem, str_of(ours[i])) ? arena_format(mem, "%s_1", ours[i]) : made;
    }
    if (shape_is_reserved(made)) {
        made = arena_format(mem, "%.*s_1", STR_ARG(stem));
    }
    for (int i = 2; str_list_has(taken, made); i++) {
        made = arena_format(mem, "%.*s_%d", STR_ARG(stem), i);
    }
    vec_push(mem, taken, made);
    return made;
}

/* ---- trees */

struct tree *infer_put(struct arena *mem, struct tree *map, const char *key, str text)
{
    struct tree *node = tree_text(mem, text);

    (void)tree_put(mem, map, str_of(key), node);
    return node;
}

static void infer_put_plain(struct arena *mem, struct tree *map, const char *key, str text)
{
    struct tree *node = tree_new(mem, TREE_SCALAR);

    node->text = text;
    (void)tree_put(mem, map, str_of(key), node);
}

struct tree *infer_put_new(struct arena *mem, struct tree *map, const char *key,
                           enum tree_kind kind)
{
    struct tree *node = tree_new(mem, kind);

    (void)tree_put(mem, map, str_of(key), node);
    return node;
}

str infer_logical(struct arena *mem, str type)
{
    static const struct {
        const char *type, *logical;
    } logical[] = {
        {"BOOLEAN", "boolean"}, {"DATE", "date"},
        {"TIME", "time"},       {"TIME WITH TIME ZONE", "time"},
        {"FLOAT", "number"},    {"DOUBLE", "number"},
        {"JSON", "object"},
    };
    str known = contract_type_canonical(mem, type);

    for (size_t i = 0; i < sizeof(logical) / sizeof(logical[0]); i++) {
        if (str_eq(known, str_of(logical[i].type))) {
            return str_of(logical[i].logical);
        }
    }
    if (str_ends(known, STR("]"))) {
        return STR("array");
    }
    if (str_starts(known, STR("STRUCT(")) || str_starts(known, STR("MAP("))) {
        return STR("object");
    }
    if (str_starts(known, STR("DECIMAL("))) {
        return STR("number");
    }
    if (str_ends(known, STR("INT")) || str_ends(known, STR("INTEGER"))) {
        return STR("integer");
    }
    return str_starts(known, STR("TIMESTAMP")) ? STR("timestamp") : STR("string");
}

/* ---- columns */

/* Amounts and dates may all differ, and are no keys. */
static bool infer_may_be_key(struct arena *mem, const struct infer_table *table,
                             const struct infer_column *column)
{
    str type = contract_type_canonical(mem, column->type);
    bool is_like_key = str_ends(type, STR("INT")) || str_ends(type, STR("INTEGER"))
                    || str_eq(type, STR("UUID")) || str_eq(type, STR("VARCHAR"));

    return column->is_profiled && table->rows > 1 && column->distinct == table->rows && is_like_key;
}

void infer_suggest_label(const struct infer_writer *w, const struct infer_column *column,
                         const struct tree *property)
{
    str why, label = infer_label(w->mem, column, &why);

    if (label.len > 0) {
        yaml_out_note(w->mem, w->notes, property,
                      arena_format(w->mem, "suggestion: classification: %.*s (%.*s)",
                                   STR_ARG(label), STR_ARG(why)));
    }
}

static void infer_suggest(const struct infer_writer *w, const struct infer_column *column,
                          const struct tree *property)
{
    const struct infer_column *elements = infer_find_elements(w, column->name);

    infer_suggest_label(w, elements != NULL ? elements : column, property);
    if (column->primary_key == 0 && !column->unique && infer_may_be_key(w->mem, w->table, column)) {
        yaml_out_note(
            w->mem, w->notes, property,
            arena_format(w->mem,
                         "suggestion: primaryKey: true (no value stands twice in %llu rows)",
                         (unsigned long long)w->table->rows));
    }
}

static bool infer_has_key_of_several(const struct infer_table *table)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        if (table->columns.at[i].primary_key > 1) {
            return true;
        }
    }
    return false;
}

static struct tree *infer_property(const struct infer_writer *w, const struct infer_column *column,
                                   str name, bool is_source)
{
    struct arena *mem = w->mem;
    const struct infer_table *table = w->table;
    struct tree *property = tree_new(mem, TREE_MAP);
    bool is_required = column->required || column->primary_key > 0
                    || (column->is_profiled && !table->is_sample && table->rows > 0
                        && column->values == table->rows);

    infer_put(mem, property, "name", name);
    if (is_source && !str_eq(name, column->name)) {
        infer_put(mem, property, "physicalName", column->name);
    }
    infer_put_type(w, property, column->type, 0);
    if (column->primary_key > 0) {
        infer_put_plain(mem, property, "primaryKey", STR("true"));
        if (infer_has_key_of_several(table)) {
            infer_put_plain(mem, property, "primaryKeyPosition",
                            arena_format(mem, "%d", column->primary_key));
        }
    }
    if (is_required) {
        infer_put_plain(mem, property, "required", STR("true"));
    }
    if (column->unique) {
        infer_put_plain(mem, property, "unique", STR("true"));
    }
    if (column->description.len > 0) {
        infer_put(mem, property, "description", column->description);
    }
    infer_suggest(w, column, property);
    infer_put_parts(w, property, column->type, column->name, 0);
    return property;
}

/* ---- tables */

struct infer_names {
    struct str_list tables;
    struct str_list *columns; /* of each table */
};

static const struct infer_table *infer_find_table(const struct infer_tables *tables, str name,
                                                  size_t *at_out)
{
    for (size_t i = 0; i < tables->len; i++) {
        if (str_eq(tables->at[i].name, name)) {
            *at_out = i;
            return &tables->at[i];
        }
    }
    return NULL;
}

static struct tree *infer_path(struct arena *mem, const struct infer_tables *tables,
                               const struct infer_names *names, size_t table,
                               const struct str_list *columns)
{
    struct tree *list = tree_new(mem, TREE_LIST);

    for (size_t i = 0; i < columns->len; i++) {
        for (size_t j = 0; j < tables->at[table].columns.len; j++) {
            if (str_eq(tables->at[table].columns.at[j].name, columns->at[i])) {
                tree_push(
                    mem, list,
                    tree_text(mem, arena_format(mem, "%.*s.%.*s", STR_ARG(names->tables.at[table]),
                                                STR_ARG(names->columns[table].at[j]))));
            }
        }
    }
    return columns->len == 1 && list->len == 1 ? tree_text(mem, list->at[0]->text) : list;
}

static void infer_relations(struct arena *mem, const struct infer_tables *tables,
                            const struct infer_names *names, size_t table, struct tree *node)
{
    struct tree *list = tree_new(mem, TREE_LIST);

    for (size_t i = 0; i < tables->at[table].relations.len; i++) {
        const struct infer_relation *relation = &tables->at[table].relations.at[i];
        struct tree *entry = tree_new(mem, TREE_MAP);
        size_t other;

        if (infer_find_table(tables, relation->to_table, &other) == NULL) {
            continue;
        }
        infer_put(mem, entry, "type", STR("foreignKey"));
        (void)tree_put(mem, entry, STR("from"),
                       infer_path(mem, tables, names, table, &relation->from));
        (void)tree_put(mem, entry, STR("to"), infer_path(mem, tables, names, other, &relation->to));
        tree_push(mem, list, entry);
    }
    if (list->len > 0) {
        (void)tree_put(mem, node, STR("relationships"), list);
    }
}

static struct tree *infer_schema(struct arena *mem, const struct infer_tables *tables,
                                 const struct infer_names *names, size_t at, bool is_source,
                                 struct yaml_out_notes *notes)
{
    const struct infer_table *table = &tables->at[at];
    const struct infer_writer w = {mem, table, notes};
    struct tree *node = tree_new(mem, TREE_MAP);

    infer_put(mem, node, "name", names->tables.at[at]);
    if (is_source && !str_eq(names->tables.at[at], table->name)) {
        infer_put(mem, node, "physicalName", table->name);
    }
    if (table->description.len > 0) {
        infer_put(mem, node, "description", table->description);
    }
    struct tree *properties = infer_put_new(mem, node, "properties", TREE_LIST);
    for (size_t i = 0; i < table->columns.len; i++) {
        tree_push(mem, properties,
                  infer_property(&w, &table->columns.at[i], names->columns[at].at[i], is_source));
    }
    infer_relations(mem, tables, names, at, node);
    return node;
}

static void infer_name_all(struct arena *mem, const struct infer_tables *tables,
                           struct infer_names *names)
{
    names->columns = ARENA_ARRAY(mem, struct str_list, tables->len);
    for (size_t i = 0; i < tables->len; i++) {
        (void)infer_name(mem, tables->at[i].name, &names->tables);
        for (size_t j = 0; j < tables->at[i].columns.len; j++) {
            (void)infer_name(mem, tables->at[i].columns.at[j].name, &names->columns[i]);
        }
    }
}

struct tree *infer_contract(struct arena *mem, str id, str title, const struct infer_tables *tables,
                            struct tree *server, struct yaml_out_notes *notes)
{
    struct tree *contract = tree_new(mem, TREE_MAP);
    struct infer_names names = {0};

    infer_name_all(mem, tables, &names);
    infer_put(mem, contract, "apiVersion", STR("v3.1.0"));
    infer_put(mem, contract, "kind", STR("DataContract"));
    infer_put(mem, contract, "id", id);
    infer_put(mem, contract, "name", title);
    infer_put(mem, contract, "version", STR("1.0.0"));
    infer_put(mem, contract, "status", STR("active"));
    if (server != NULL) {
        tree_push(mem, infer_put_new(mem, contract, "servers", TREE_LIST), server);
    }
    struct tree *schema = infer_put_new(mem, contract, "schema", TREE_LIST);
    for (size_t i = 0; i < tables->len; i++) {
        tree_push(mem, schema, infer_schema(mem, tables, &names, i, server != NULL, notes));
    }
    return contract;
}
