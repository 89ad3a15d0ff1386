/* Rows of a contract as JSON Schema (2020-12), in the form in which weft writes rows as JSON. What the words of JSON Schema do not say
 * stands beside them under names that begin with `x-`, which validators pass over. */
#include <string.h>

#include "exchange/exchange_inside.h"
#include "shape/shape.h"

#define DIALECT "https://json-schema.org/draft/2020-12/schema"

static struct tree *part_schema(struct exchanger *x, const struct exchange_part *part);

/* Bounds that are exact as numbers of JSON. */
static void put_integer_bounds(struct exchanger *x, struct tree *map,
                               const struct exchange_part *part)
{
    if (part->bits > 32 || exchange_option(part, STR("exclusiveMinimum"))
        || exchange_option(part, STR("exclusiveMaximum")))
        return;
    int64_t half = (int64_t)1 << (part->bits - 1);
    exchange_put(x->mem, map, "minimum", exchange_int(x->mem, part->is_unsigned ? 0 : -half));
    exchange_put(x->mem, map, "maximum",
                 exchange_int(x->mem, part->is_unsigned ? half * 2 - 1 : half - 1));
}

static const char *format_of(const struct exchange_part *part)
{
    switch (part->kind) {
    case KIND_UUID:
        return "uuid";
    case KIND_DATE:
        return "date";
    default:
        return NULL;
    }
}

#define CLOCK "[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?"

/* Of texts as weft writes them: `2026-01-01 08:00:00+00` is no date-time of RFC 3339. */
static const char *pattern_of(const struct exchange_part *part)
{
    switch (part->kind) {
    case KIND_FLOAT:
        return "^(NaN|-?Infinity)$";
    case KIND_TIME:
        return part->has_zone ? "^" CLOCK "[+-][0-9]{2}(:[0-9]{2}){0,2}$" : NULL;
    case KIND_TIMESTAMP:
        return part->has_zone ? "^(-?infinity|[0-9]{4,}-[0-9]{2}-[0-9]{2}( \\(BC\\))? " CLOCK
                                "\\+00)$"
                              : NULL;
    default:
        return NULL;
    }
}

static const char *type_of(const struct exchange_part *part)
{
    switch (part->kind) {
    case KIND_BOOLEAN:
        return "boolean";
    case KIND_INTEGER:
        return "integer";
    case KIND_FLOAT:
    case KIND_DECIMAL:
        return "number";
    case KIND_LIST:
        return "array";
    case KIND_STRUCT:
    case KIND_MAP:
        return "object";
    case KIND_JSON:
    case KIND_UNKNOWN:
        return NULL;
    default:
        return "string";
    }
}

static void put_type(struct exchanger *x, struct tree *map, const struct exchange_part *part)
{
    const char *type = type_of(part);
    if (!type)
        return; /* any value, null among them */
    struct str_list types = {0};
    vec_push(x->mem, &types, str_of(type));
    /* JSON has no number that is none, or has no end. */
    if (part->kind == KIND_FLOAT)
        vec_push(x->mem, &types, STR("string"));
    if (!part->required)
        vec_push(x->mem, &types, STR("null"));
    if (types.len == 1) {
        exchange_put_text(x->mem, map, "type", types.at[0]);
        return;
    }
    exchange_put_texts(x->mem, map, "type", &types);
}

static const char *const number_options[] = {
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", NULL,
};
static const char *const text_options[] = {"minLength", "maxLength", "pattern", NULL};
static const char *const list_options[] = {"minItems", "maxItems", "uniqueItems", NULL};
static const char *const object_options[] = {"minProperties", "maxProperties", NULL};
static const char *const json_options[] = {"minProperties", "maxProperties", "required", NULL};
static const char *const time_options[] = {
    "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", NULL,
};

static bool is_among(const char *const *options, str option)
{
    for (size_t i = 0; options && options[i]; i++)
        if (str_eq(option, str_of(options[i])))
            return true;
    return false;
}

/* Numbers that are kept as text have no bounds in JSON Schema, and so on. */
static void tell_left(struct exchanger *x, const struct exchange_part *part,
                      const char *const *options)
{
    for (size_t i = 0; part->options && i < part->options->len; i++) {
        str option = part->options->at[i]->key;
        bool is_held = is_among(options, option)
                    || (part->kind == KIND_STRUCT && str_eq(option, STR("required")));
        if (!tree_is_null(part->options->at[i]) && !is_held
            && !shape_has_word("format timezone defaultTimezone", option))
            exchange_note(
                x, part->options->at[i],
                STR_FMT " of " STR_FMT " is left out: JSON Schema has no such check of it",
                STR_ARG(option), STR_ARG(part->name.len ? part->name : STR("an element")));
    }
}

/* Times are texts in JSON, where bounds mean nothing: they stand beside as `x-minimum` and kin. */
static void put_options(struct exchanger *x, struct tree *map, const struct exchange_part *part)
{
    bool is_time =
        part->kind == KIND_DATE || part->kind == KIND_TIME || part->kind == KIND_TIMESTAMP;
    const char *const *options =
        part->kind == KIND_TEXT                               ? text_options
        : part->kind == KIND_LIST                             ? list_options
        : part->kind == KIND_STRUCT || part->kind == KIND_MAP ? object_options
        : part->kind == KIND_JSON                             ? json_options
        : is_time                                             ? time_options
        : part->kind == KIND_INTEGER || part->kind == KIND_FLOAT || part->kind == KIND_DECIMAL
            ? number_options
            : NULL;
    for (size_t i = 0; options && options[i]; i++) {
        const struct tree *value = exchange_option(part, str_of(options[i]));
        bool is_flag = false;
        if (!value || (tree_is_bool(value, &is_flag) && !is_flag))
            continue;
        exchange_put_copy(x->mem, map,
                          is_time ? arena_format(x->mem, "x-%s", options[i]).ptr : options[i],
                          value);
    }
    tell_left(x, part, options);
    const struct tree *format = exchange_option(part, STR("format"));
    if (part->kind == KIND_TEXT && format)
        exchange_put_copy(x->mem, map, "format", format);
    if (part->kind == KIND_INTEGER)
        put_integer_bounds(x, map, part);
}

/* By the option `required` of the object around it. */
static bool is_asked_for(const struct exchange_part *part, str name)
{
    const struct tree *list = exchange_option(part, STR("required"));
    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len; i++)
        if (str_eq(list->at[i]->text, name))
            return true;
    return false;
}

static void put_parts(struct exchanger *x, struct tree *map, const struct exchange_part *part)
{
    struct str_list required = {0};
    if (part->kind == KIND_LIST)
        exchange_put(x->mem, map, "items", part_schema(x, part->parts.at[0]));
    if (part->kind == KIND_MAP)
        exchange_put(x->mem, map, "additionalProperties", part_schema(x, part->parts.at[1]));
    if (part->kind != KIND_STRUCT)
        return;
    struct tree *properties = exchange_map(x->mem);
    for (size_t i = 0; i < part->parts.len; i++) {
        exchange_put(x->mem, properties, arena_c_string(x->mem, part->parts.at[i]->name),
                     part_schema(x, part->parts.at[i]));
        if (part->parts.at[i]->required || is_asked_for(part, part->parts.at[i]->name))
            vec_push(x->mem, &required, part->parts.at[i]->name);
    }
    exchange_put(x->mem, map, "properties", properties);
    exchange_put_texts(x->mem, map, "required", &required);
    exchange_put(x->mem, map, "additionalProperties", exchange_word(x->mem, STR("false")));
}

/* A type that the words of JSON Schema alone would bring back as another. */
static bool needs_physical_type(const struct exchange_part *part)
{
    const struct tree *option = exchange_option(part, STR("format"));
    str format = option ? option->text : STR_NONE;
    switch (part->kind) {
    case KIND_BOOLEAN:
    case KIND_UUID:
    case KIND_DATE:
    case KIND_STRUCT:
        return false;
    case KIND_TEXT:
        return format.len > 0 && shape_has_word("date date-time time uuid", format);
    case KIND_LIST:
        return !str_ends(part->type, STR("[]"));
    case KIND_INTEGER:
        return part->bits != 32 || part->is_unsigned
            || exchange_option(part, STR("exclusiveMinimum"))
            || exchange_option(part, STR("exclusiveMaximum"));
    default:
        return true;
    }
}

static struct tree *part_schema(struct exchanger *x, const struct exchange_part *part)
{
    struct tree *map = exchange_map(x->mem);
    put_type(x, map, part);
    const char *format = format_of(part);
    if (format)
        exchange_put_text(x->mem, map, "format", str_of(format));
    const char *pattern = pattern_of(part);
    if (pattern)
        exchange_put_text(x->mem, map, "pattern", str_of(pattern));
    if (part->kind == KIND_BINARY)
        exchange_put_text(x->mem, map, "x-contentType", STR("application/octet-stream"));
    exchange_put_text(x->mem, map, "title", tree_find_text(part->source, STR("businessName")));
    exchange_put_text(x->mem, map, "description", part->description);
    put_options(x, map, part);
    put_parts(x, map, part);
    exchange_put_copy(x->mem, map, "examples", tree_find(part->source, STR("examples")));
    if (needs_physical_type(part))
        exchange_put_text(x->mem, map, "x-physicalType", part->type);
    exchange_put_text(x->mem, map, "x-classification",
                      tree_find_text(part->source, STR("classification")));
    exchange_put_copy(x->mem, map, "x-tags", tree_find(part->source, STR("tags")));
    return map;
}

/* `.5` and `5.` are no numbers of JSON. */
static struct tree *json_number(struct exchanger *x, str text)
{
    if (str_starts(text, STR("+")))
        text = str_from(text, 1);
    if (str_ends(text, STR(".")))
        text = str_sub(text, 0, text.len - 1);
    return exchange_word(
        x->mem,
        arena_format(x->mem, "%s" STR_FMT, str_starts(text, STR(".")) ? "0" : "", STR_ARG(text)));
}

/* As rows have it: `1` is a text in a column of texts, and "0x1F" a number in one of numbers. */
static struct tree *value_of(struct exchanger *x, const struct exchange_part *part,
                             const struct tree *value)
{
    const char *type = type_of(part);
    int64_t number;
    double real;
    if (tree_is_null(value))
        return exchange_word(x->mem, STR("null"));
    if (!type || value->kind != TREE_SCALAR)
        return tree_copy(x->mem, value);
    if (strcmp(type, "string") == 0)
        return exchange_text(x->mem, value->text);
    struct tree *plain = exchange_word(x->mem, value->text);
    if (tree_is_int(plain, &number))
        return exchange_int(x->mem, number);
    return tree_is_number(plain, &real) ? json_number(x, value->text) : plain;
}

/* A second pattern stands apart: both hold. */
static void put_pattern(struct exchanger *x, struct tree *map, str pattern)
{
    if (!tree_find(map, STR("pattern"))) {
        exchange_put_text(x->mem, map, "pattern", pattern);
        return;
    }
    struct tree *all = exchange_list(x->mem), *other = exchange_map(x->mem);
    exchange_put_text(x->mem, other, "pattern", pattern);
    tree_push(x->mem, all, other);
    exchange_put(x->mem, map, "allOf", all);
}

static void put_values(struct exchanger *x, struct tree *map, const struct contract_table *table,
                       const struct exchange_part *part)
{
    const struct contract_rule *values = exchange_values_rule(table, part->name);
    const struct contract_rule *pattern = exchange_pattern_rule(table, part->name);
    if (pattern)
        put_pattern(x, map, pattern->pattern);
    if (!values)
        return;
    struct tree *list = exchange_list(x->mem);
    bool has_null = false;
    for (size_t i = 0; i < values->values.len; i++) {
        has_null = has_null || tree_is_null(values->values.at[i]);
        tree_push(x->mem, list, value_of(x, part, values->values.at[i]));
    }
    if (!part->required && !has_null)
        tree_push(x->mem, list, exchange_word(x->mem, STR("null")));
    exchange_put(x->mem, map, "enum", list);
}

struct tree *exchange_row_schema(struct exchanger *x, const struct contract_table *table)
{
    struct str_list required = {0};
    struct tree *map = exchange_map(x->mem), *properties = exchange_map(x->mem);
    exchange_put_text(x->mem, map, "type", STR("object"));
    exchange_put_text(x->mem, map, "title", table->name);
    exchange_put_text(x->mem, map, "description", table->description);
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct contract_column *column = &table->columns.at[i];
        const struct exchange_part *part = exchange_column_part(x->mem, column);
        struct tree *schema = part_schema(x, part);
        put_values(x, schema, table, part);
        if (column->primary_key)
            exchange_put(x->mem, schema, "x-primaryKeyPosition",
                         exchange_int(x->mem, column->primary_key));
        exchange_put_flag(x->mem, schema, "x-unique", column->unique);
        exchange_put(x->mem, properties, arena_c_string(x->mem, column->name), schema);
        /* weft writes each column, a null too; who leaves out a null says the same. */
        if (part->required)
            vec_push(x->mem, &required, column->name);
    }
    exchange_put(x->mem, map, "properties", properties);
    exchange_put_texts(x->mem, map, "required", &required);
    exchange_put(x->mem, map, "additionalProperties", exchange_word(x->mem, STR("false")));
    exchange_put_texts(x->mem, map, "x-tags", &table->tags);
    return map;
}

void exchange_json_schema(struct exchanger *x)
{
    struct tree *root = exchange_map(x->mem);
    const struct contract *contract = x->contract;
    exchange_put_text(x->mem, root, "$schema", STR(DIALECT));
    if (x->only || contract->tables.len == 1) {
        struct tree *row = exchange_row_schema(x, x->only ? x->only : &contract->tables.at[0]);
        for (size_t i = 0; i < row->len; i++)
            exchange_put_copy(x->mem, root, arena_c_string(x->mem, row->at[i]->key), row->at[i]);
        exchange_json(x->out, root);
        return;
    }
    struct tree *any = exchange_list(x->mem), *definitions = exchange_map(x->mem);
    exchange_put_text(x->mem, root, "title", contract->name);
    exchange_put_text(x->mem, root, "description", contract->description);
    for (size_t i = 0; i < contract->tables.len; i++) {
        const struct contract_table *table = &contract->tables.at[i];
        struct tree *link = exchange_map(x->mem);
        exchange_put_text(x->mem, link, "$ref",
                          arena_format(x->mem, "#/$defs/" STR_FMT,
                                       STR_ARG(exchange_pointer(x->mem, table->name))));
        tree_push(x->mem, any, link);
        exchange_put(x->mem, definitions, arena_c_string(x->mem, table->name),
                     exchange_row_schema(x, table));
    }
    exchange_put(x->mem, root, "anyOf", any);
    exchange_put(x->mem, root, "$defs", definitions);
    exchange_json(x->out, root);
}
