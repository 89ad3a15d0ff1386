/* Tables of a contract as Avro records. Attributes that Avro does not know are metadata of a schema: they begin with `x-`. */
#include "exchange/exchange_inside.h"

struct avro_names {
    struct exchanger *x;
    struct str_list used; /* of records: each is defined once in a schema */
};

static struct tree *part_type(struct avro_names *a, const struct exchange_part *part, str path);

static bool is_plain(char c, bool is_first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'
        || (!is_first && c >= '0' && c <= '9');
}

/* Avro takes [A-Za-z_][A-Za-z0-9_]*. */
static str avro_name(struct arena *mem, str name)
{
    char *text = arena_c_string(mem, name);
    for (size_t i = 0; i < name.len; i++)
        if (!is_plain(text[i], false))
            text[i] = '_';
    str plain = {text, name.len};
    return plain.len && is_plain(plain.ptr[0], true)
             ? plain
             : arena_format(mem, "_" STR_FMT, STR_ARG(plain));
}

static str new_name(struct avro_names *a, str wanted)
{
    str name = wanted;
    for (int i = 2; str_list_has(&a->used, name); i++)
        name = arena_format(a->x->mem, STR_FMT "_%d", STR_ARG(wanted), i);
    vec_push(a->x->mem, &a->used, name);
    return name;
}

static struct tree *logical(struct exchanger *x, const char *type, const char *logical_type)
{
    struct tree *map = exchange_map(x->mem);
    exchange_put_text(x->mem, map, "type", str_of(type));
    exchange_put_text(x->mem, map, "logicalType", str_of(logical_type));
    return map;
}

static struct tree *decimal(struct exchanger *x, int precision, int scale)
{
    struct tree *map = logical(x, "bytes", "decimal");
    exchange_put(x->mem, map, "precision", exchange_int(x->mem, precision));
    exchange_put(x->mem, map, "scale", exchange_int(x->mem, scale));
    return map;
}

static struct tree *integer_type(struct exchanger *x, const struct exchange_part *part)
{
    if (part->bits < 32 || (part->bits == 32 && !part->is_unsigned))
        return exchange_text(x->mem, STR("int"));
    if (part->bits == 32 || (part->bits == 64 && !part->is_unsigned))
        return exchange_text(x->mem, STR("long"));
    return decimal(x, part->bits == 64 ? 20 : 39, 0);
}

static struct tree *time_type(struct exchanger *x, const struct exchange_part *part)
{
    if (part->kind == KIND_TIME)
        return part->has_zone || part->bits > 6 ? exchange_text(x->mem, STR("string"))
                                                : logical(x, "long", "time-micros");
    bool is_milli = part->bits == 3 || part->bits == 0;
    if (part->has_zone)
        return logical(x, "long", "timestamp-micros");
    return logical(x, "long",
                   part->bits == 9 ? "local-timestamp-nanos"
                   : is_milli      ? "local-timestamp-millis"
                                   : "local-timestamp-micros");
}

static struct tree *scalar_type(struct exchanger *x, const struct exchange_part *part)
{
    switch (part->kind) {
    case KIND_BOOLEAN:
        return exchange_text(x->mem, STR("boolean"));
    case KIND_INTEGER:
        return integer_type(x, part);
    case KIND_FLOAT:
        return exchange_text(x->mem, part->bits == 32 ? STR("float") : STR("double"));
    case KIND_DECIMAL:
        return decimal(x, part->precision, part->scale);
    case KIND_UUID:
        return logical(x, "string", "uuid");
    case KIND_BINARY:
        return exchange_text(x->mem, STR("bytes"));
    case KIND_DATE:
        return logical(x, "int", "date");
    case KIND_TIME:
    case KIND_TIMESTAMP:
        return time_type(x, part);
    default:
        return exchange_text(x->mem, STR("string"));
    }
}

static struct tree *nullable(struct exchanger *x, struct tree *type)
{
    struct tree *either = exchange_list(x->mem);
    tree_push(x->mem, either, exchange_text(x->mem, STR("null")));
    tree_push(x->mem, either, type);
    return either;
}

/* A name is spelled as Avro wants it; what it was stands beside it. */
static void put_name(struct exchanger *x, struct tree *map, str name)
{
    str plain = avro_name(x->mem, name);
    exchange_put_text(x->mem, map, "name", plain);
    if (!str_eq(plain, name))
        exchange_put_text(x->mem, map, "x-name", name);
}

/* Types that come back as another without it. */
static bool needs_physical_type(const struct exchange_part *part)
{
    switch (part->kind) {
    case KIND_INTEGER:
        return part->is_unsigned || (part->bits != 32 && part->bits != 64);
    case KIND_TIMESTAMP:
        return part->bits == 0;
    case KIND_TIME:
        return part->has_zone || part->bits > 6;
    case KIND_BITS:
    case KIND_INTERVAL:
    case KIND_JSON:
        return true;
    case KIND_MAP:
        return part->parts.at[0]->kind != KIND_TEXT;
    case KIND_LIST:
        return needs_physical_type(part->parts.at[0]) || !str_ends(part->type, STR("[]"));
    default:
        return false;
    }
}

static struct tree *field(struct avro_names *a, const struct exchange_part *part, str path)
{
    struct exchanger *x = a->x;
    struct tree *map = exchange_map(x->mem);
    put_name(x, map, part->name);
    exchange_put_text(x->mem, map, "doc", part->description);
    struct tree *type = part_type(a, part, path);
    exchange_put(x->mem, map, "type", part->required ? type : nullable(x, type));
    if (!part->required)
        exchange_put(x->mem, map, "default", exchange_word(x->mem, STR("null")));
    if (needs_physical_type(part))
        exchange_put_text(x->mem, map, "x-physicalType", part->type);
    exchange_put_text(x->mem, map, "x-classification",
                      tree_find_text(part->source, STR("classification")));
    exchange_put_copy(x->mem, map, "x-tags", tree_find(part->source, STR("tags")));
    return map;
}

static struct tree *part_type(struct avro_names *a, const struct exchange_part *part, str path)
{
    struct exchanger *x = a->x;
    struct tree *map = exchange_map(x->mem);
    switch (part->kind) {
    case KIND_LIST: {
        struct tree *items = part_type(a, part->parts.at[0], path);
        exchange_put_text(x->mem, map, "type", STR("array"));
        exchange_put(x->mem, map, "items",
                     part->parts.at[0]->required ? items : nullable(x, items));
        return map;
    }
    case KIND_MAP:
        exchange_put_text(x->mem, map, "type", STR("map"));
        exchange_put(x->mem, map, "values", nullable(x, part_type(a, part->parts.at[1], path)));
        return map;
    case KIND_STRUCT: {
        struct tree *fields = exchange_list(x->mem);
        exchange_put_text(x->mem, map, "type", STR("record"));
        exchange_put_text(x->mem, map, "name", new_name(a, path));
        for (size_t i = 0; i < part->parts.len; i++)
            tree_push(x->mem, fields,
                      field(a, part->parts.at[i],
                            arena_format(x->mem, STR_FMT "_" STR_FMT, STR_ARG(path),
                                         STR_ARG(avro_name(x->mem, part->parts.at[i]->name)))));
        exchange_put(x->mem, map, "fields", fields);
        return map;
    }
    default:
        return scalar_type(x, part);
    }
}

/* Of the domain, so that the names of two domains do not meet. */
static str namespace_of(struct exchanger *x)
{
    str domain = x->contract->domain;
    return domain.len ? avro_name(x->mem, domain) : STR_NONE;
}

static struct tree *record(struct avro_names *a, const struct contract_table *table)
{
    struct exchanger *x = a->x;
    struct tree *map = exchange_map(x->mem), *fields = exchange_list(x->mem);
    str name = new_name(a, avro_name(x->mem, table->name));
    exchange_put_text(x->mem, map, "type", STR("record"));
    exchange_put_text(x->mem, map, "name", name);
    if (!str_eq(name, table->name))
        exchange_put_text(x->mem, map, "x-name", table->name);
    exchange_put_text(x->mem, map, "namespace", namespace_of(x));
    exchange_put_text(x->mem, map, "doc", table->description);
    struct str_list taken = {0};
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct contract_column *column = &table->columns.at[i];
        const struct exchange_part *part = exchange_column_part(x->mem, column);
        str plain = avro_name(x->mem, column->name);
        if (str_list_has(&taken, plain)) {
            exchange_note(x, column->source,
                          "another column is " STR_FMT " in Avro: " STR_FMT " is left out",
                          STR_ARG(plain), STR_ARG(column->name));
            continue;
        }
        vec_push(x->mem, &taken, plain);
        struct tree *one = field(
            a, part, arena_format(x->mem, STR_FMT "_" STR_FMT, STR_ARG(name), STR_ARG(plain)));
        if (column->primary_key)
            exchange_put(x->mem, one, "x-primaryKeyPosition",
                         exchange_int(x->mem, column->primary_key));
        exchange_put_flag(x->mem, one, "x-unique", column->unique);
        tree_push(x->mem, fields, one);
    }
    exchange_put(x->mem, map, "fields", fields);
    exchange_put_texts(x->mem, map, "x-tags", &table->tags);
    return map;
}

void exchange_avro(struct exchanger *x)
{
    struct avro_names a = {.x = x};
    const struct contract *contract = x->contract;
    if (x->only || contract->tables.len == 1) {
        exchange_json(x->out, record(&a, x->only ? x->only : &contract->tables.at[0]));
        return;
    }
    struct tree *all = exchange_list(x->mem);
    for (size_t i = 0; i < contract->tables.len; i++)
        tree_push(x->mem, all, record(&a, &contract->tables.at[i]));
    exchange_json(x->out, all);
}
