/* What all formats ask of a contract: types in parts, keys, values, links. */
#include "exchange/exchange_inside.h"

static struct exchange_part *make_part(struct arena *mem, const struct tree *source, str name,
                                       str type, int depth);

static const struct {
    const char *type;
    enum exchange_kind kind;
    int bits;
    bool is_unsigned, has_zone;
} scalars[] = {
    {"BOOLEAN", KIND_BOOLEAN, 0, false, false},
    {"TINYINT", KIND_INTEGER, 8, false, false},
    {"SMALLINT", KIND_INTEGER, 16, false, false},
    {"INTEGER", KIND_INTEGER, 32, false, false},
    {"BIGINT", KIND_INTEGER, 64, false, false},
    {"HUGEINT", KIND_INTEGER, 128, false, false},
    {"UTINYINT", KIND_INTEGER, 8, true, false},
    {"USMALLINT", KIND_INTEGER, 16, true, false},
    {"UINTEGER", KIND_INTEGER, 32, true, false},
    {"UBIGINT", KIND_INTEGER, 64, true, false},
    {"UHUGEINT", KIND_INTEGER, 128, true, false},
    {"FLOAT", KIND_FLOAT, 32, false, false},
    {"DOUBLE", KIND_FLOAT, 64, false, false},
    {"VARCHAR", KIND_TEXT, 0, false, false},
    {"UUID", KIND_UUID, 0, false, false},
    {"BLOB", KIND_BINARY, 0, false, false},
    {"BIT", KIND_BITS, 0, false, false},
    {"DATE", KIND_DATE, 0, false, false},
    {"TIME", KIND_TIME, 6, false, false},
    {"TIME_NS", KIND_TIME, 9, false, false},
    {"TIME WITH TIME ZONE", KIND_TIME, 6, false, true},
    {"TIMESTAMP", KIND_TIMESTAMP, 6, false, false},
    {"TIMESTAMP_S", KIND_TIMESTAMP, 0, false, false},
    {"TIMESTAMP_MS", KIND_TIMESTAMP, 3, false, false},
    {"TIMESTAMP_NS", KIND_TIMESTAMP, 9, false, false},
    {"TIMESTAMP WITH TIME ZONE", KIND_TIMESTAMP, 6, false, true},
    {"INTERVAL", KIND_INTERVAL, 0, false, false},
    {"JSON", KIND_JSON, 0, false, false},
};

static bool read_decimal(str type, struct exchange_part *part)
{
    int64_t precision, scale;
    str digits, after;
    if (!str_starts(type, STR("DECIMAL(")) || !str_ends(type, STR(")"))
        || !str_cut(str_sub(type, 8, type.len - 9), ',', &digits, &after)
        || !str_to_i64(digits, &precision) || !str_to_i64(str_trim(after), &scale))
        return false;
    part->kind = KIND_DECIMAL;
    part->precision = (int)precision;
    part->scale = (int)scale;
    return true;
}

static const struct tree *find_property(const struct tree *source, str name)
{
    const struct tree *properties = tree_find(source, STR("properties"));
    for (size_t i = 0; properties && properties->kind == TREE_LIST && i < properties->len; i++)
        if (str_eq(tree_find_text(properties->at[i], STR("name")), name))
            return properties->at[i];
    return NULL;
}

static void read_type(struct arena *mem, struct exchange_part *part, int depth)
{
    struct str_list names = {0}, types = {0};
    str element, key, value;
    part->kind = KIND_UNKNOWN;
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++)
        if (str_eq(part->type, str_of(scalars[i].type))) {
            part->kind = scalars[i].kind;
            part->bits = scalars[i].bits;
            part->is_unsigned = scalars[i].is_unsigned;
            part->has_zone = scalars[i].has_zone;
            return;
        }
    if (!part->type.len || read_decimal(part->type, part) || depth >= DOCUMENT_DEPTH_MAX)
        return;
    element = contract_type_element(mem, part->type);
    if (element.len) {
        part->kind = KIND_LIST;
        vec_push(
            mem, &part->parts,
            make_part(mem, tree_find(part->source, STR("items")), STR_NONE, element, depth + 1));
    } else if (contract_type_map(mem, part->type, &key, &value)) {
        part->kind = KIND_MAP;
        vec_push(mem, &part->parts, make_part(mem, NULL, STR("key"), key, depth + 1));
        vec_push(mem, &part->parts, make_part(mem, NULL, STR("value"), value, depth + 1));
    } else if (contract_type_fields(mem, part->type, &names, &types)) {
        part->kind = KIND_STRUCT;
        for (size_t i = 0; i < names.len; i++)
            vec_push(mem, &part->parts,
                     make_part(mem, find_property(part->source, names.at[i]), names.at[i],
                               types.at[i], depth + 1));
    }
}

static struct exchange_part *make_part(struct arena *mem, const struct tree *source, str name,
                                       str type, int depth)
{
    struct exchange_part *part = ARENA_NEW(mem, struct exchange_part);
    bool required = false;
    *part = (struct exchange_part){
        .name = name,
        .type = type,
        .source = source,
        .options = contract_options(mem, source),
        .description = tree_find_text(source, STR("description")),
    };
    part->required = tree_is_bool(tree_find(source, STR("required")), &required) && required;
    read_type(mem, part, depth);
    return part;
}

struct exchange_part *exchange_column_part(struct arena *mem, const struct contract_column *column)
{
    struct exchange_part *part = make_part(mem, column->source, column->name, column->type, 0);
    part->required = column->required || column->primary_key;
    return part;
}

const struct tree *exchange_option(const struct exchange_part *part, str name)
{
    return tree_find(part->options, name);
}

static const struct contract_rule *find_rule(const struct contract_table *table, str column,
                                             bool with_values)
{
    for (size_t i = 0; i < table->rules.len; i++) {
        const struct contract_rule *rule = &table->rules.at[i];
        if (rule->kind == RULE_INVALID_VALUES
            && rule->operator== RULE_IS && str_eq(rule->low, STR("0")) && rule->columns.len == 1
            && str_eq(rule->columns.at[0], column) && rule->effect != RULE_WARNS
            && rule->has_values == with_values && (rule->pattern.len > 0) != with_values)
            return rule;
    }
    return NULL;
}

const struct contract_rule *exchange_values_rule(const struct contract_table *table, str column)
{
    return find_rule(table, column, true);
}

const struct contract_rule *exchange_pattern_rule(const struct contract_table *table, str column)
{
    return find_rule(table, column, false);
}

bool exchange_is_schema_rule(const struct contract_rule *rule)
{
    switch (rule->kind) {
    case RULE_REQUIRED:
    case RULE_UNIQUE:
    case RULE_PRIMARY_KEY:
    case RULE_OPTION:
    case RULE_RELATIONSHIP:
        return true;
    default:
        return false;
    }
}

struct str_list exchange_key(struct arena *mem, const struct contract_table *table)
{
    struct str_list key = {0};
    for (int position = 1; (size_t)position <= table->columns.len; position++)
        for (size_t i = 0; i < table->columns.len; i++)
            if (table->columns.at[i].primary_key == position)
                vec_push(mem, &key, table->columns.at[i].name);
    return key;
}

/* ---- links */

/* Words of a reference, by name (`table.column`) or by ids (`schema/ID/properties/ID`); false when it is none of this contract. */
static bool read_end(const struct contract *contract, str text,
                     const struct contract_table **table_out, str *column_out)
{
    str table, column, rest;
    bool is_by_id = str_starts(text, STR("/schema/")) || str_starts(text, STR("schema/"));
    if (is_by_id) {
        (void)str_cut(str_from(text, text.ptr[0] == '/' ? 8 : 7), '/', &table, &rest);
        if (!str_starts(rest, STR("properties/")))
            return false;
        column = str_from(rest, 11);
    } else if (!str_cut(text, '.', &table, &column)) {
        return false;
    }
    for (size_t i = 0; i < contract->tables.len; i++) {
        const struct contract_table *one = &contract->tables.at[i];
        if (!str_eq(is_by_id ? one->id : one->name, table))
            continue;
        for (size_t j = 0; j < one->columns.len; j++)
            if (str_eq(is_by_id ? one->columns.at[j].id : one->columns.at[j].name, column)) {
                *table_out = one;
                *column_out = one->columns.at[j].name;
                return true;
            }
    }
    return false;
}

/* The text of a scalar, or each of a list. */
static bool read_ends(struct exchanger *x, const struct tree *node,
                      const struct contract_table **table_out, struct str_list *columns_out)
{
    size_t count = node && node->kind == TREE_LIST ? node->len : 1;
    *table_out = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct tree *one = node && node->kind == TREE_LIST ? node->at[i] : node;
        const struct contract_table *table;
        str column;
        if (!one || one->kind != TREE_SCALAR || !read_end(x->contract, one->text, &table, &column)
            || (*table_out && *table_out != table))
            return false;
        *table_out = table;
        vec_push(x->mem, columns_out, column);
    }
    return *table_out != NULL;
}

static bool read_link(struct exchanger *x, const struct contract_table *table, str column,
                      const struct tree *node, struct exchange_link *out)
{
    const struct contract_table *to, *from;
    str type = tree_find_text(node, STR("type"));
    *out = (struct exchange_link){.source = node};
    if ((type.len && !str_eq(type, STR("foreignKey")))
        || !read_ends(x, tree_find(node, STR("to")), &to, &out->to))
        return false;
    if (column.len)
        vec_push(x->mem, &out->from, column);
    else if (!read_ends(x, tree_find(node, STR("from")), &from, &out->from) || from != table)
        return false;
    out->table = to->name;
    return out->from.len == out->to.len;
}

static void read_links(struct exchanger *x, const struct contract_table *table, str column,
                       const struct tree *list, struct exchange_links *out, size_t *left_out)
{
    struct exchange_link link;
    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len; i++)
        if (read_link(x, table, column, list->at[i], &link))
            vec_push(x->mem, out, link);
        else
            ++*left_out;
}

void exchange_links(struct exchanger *x, const struct contract_table *table,
                    struct exchange_links *out, size_t *left_out)
{
    *out = (struct exchange_links){0};
    *left_out = 0;
    for (size_t i = 0; i < table->columns.len; i++)
        read_links(x, table, table->columns.at[i].name,
                   tree_find(table->columns.at[i].source, STR("relationships")), out, left_out);
    read_links(x, table, STR_NONE, tree_find(table->source, STR("relationships")), out, left_out);
}
