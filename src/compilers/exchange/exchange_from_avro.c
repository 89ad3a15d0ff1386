/* Schemas of Avro to a contract. */
#include "exchange/exchange_build.h"
#include "map/map.h"
#include "shape/shape.h"

struct avro_reader {
    struct builder b;
    struct map named; /* full name -> the definition's tree */
    const struct tree *open[DOCUMENT_DEPTH_MAX];
    size_t depth;
};

static void read_fields(struct avro_reader *r, const struct tree *record, str space,
                        struct tree *properties);
static void read_type(struct avro_reader *r, const struct tree *type, str space,
                      struct tree *property);

static struct place place_of(const struct avro_reader *r, const struct tree *node)
{
    return tree_place(r->b.mem, r->b.file, node);
}

/* ---- names */

static str space_of(const struct tree *node, str otherwise)
{
    str name = tree_find_text(node, STR("name")), head, tail;
    if (str_cut_last(name, '.', &head, &tail))
        return head;
    const struct tree *space = tree_find(node, STR("namespace"));
    return space && space->kind == TREE_SCALAR ? space->text : otherwise;
}

static str last_name(str name)
{
    str head, tail;
    return str_cut_last(name, '.', &head, &tail) ? tail : name;
}

static str full_name(struct arena *mem, str name, str space)
{
    return str_has(name, '.') || !space.len
             ? name
             : arena_format(mem, STR_FMT "." STR_FMT, STR_ARG(space), STR_ARG(name));
}

static bool is_named(str kind)
{
    return shape_has_word("record error enum fixed", kind);
}

/* Avro wants a definition before its use; we take it wherever it stands. */
static void collect(struct avro_reader *r, const struct tree *node, str space, int depth)
{
    if (!node || depth > DOCUMENT_DEPTH_MAX)
        return;
    str kind = tree_find_text(node, STR("type"));
    if (node->kind == TREE_MAP && is_named(kind)) {
        space = space_of(node, space);
        str name = last_name(tree_find_text(node, STR("name")));
        str full = full_name(r->b.mem, name, space);
        if (!map_find(&r->named, full)) {
            union {
                const struct tree *from;
                void *to;
            } pun = {node};
            map_put(&r->named, full, pun.to);
        }
    }
    for (size_t i = 0; (node->kind == TREE_MAP || node->kind == TREE_LIST) && i < node->len; i++)
        collect(r, node->at[i], space, depth + 1);
}

static const struct tree *find_named(struct avro_reader *r, str name, str space)
{
    const struct tree *found = map_find(&r->named, full_name(r->b.mem, name, space));
    return found ? found : map_find(&r->named, name);
}

/* ---- types */

static void put(struct avro_reader *r, struct tree *property, str type)
{
    (void)exchange_build_type(&r->b, property, type);
}

static void put_json(struct avro_reader *r, const struct tree *node, struct tree *property,
                     const char *why)
{
    exchange_build_left(&r->b, place_of(r, node), "%s is kept as JSON, without what is inside",
                        why);
    put(r, property, STR("JSON"));
}

static bool put_primitive(struct avro_reader *r, str name, struct tree *property)
{
    static const struct {
        const char *avro, *type;
    } primitives[] = {
        {"boolean", "BOOLEAN"}, {"int", "INTEGER"}, {"long", "BIGINT"},    {"float", "FLOAT"},
        {"double", "DOUBLE"},   {"bytes", "BLOB"},  {"string", "VARCHAR"},
    };
    for (size_t i = 0; i < sizeof primitives / sizeof *primitives; i++)
        if (str_eq(name, str_of(primitives[i].avro))) {
            put(r, property, str_of(primitives[i].type));
            return true;
        }
    return false;
}

static bool put_decimal(struct avro_reader *r, const struct tree *type, struct tree *property)
{
    int64_t precision = 0, scale = 0;
    (void)tree_is_int(tree_find(type, STR("scale")), &scale);
    if (!tree_is_int(tree_find(type, STR("precision")), &precision))
        return false;
    str text = arena_format(r->b.mem, "DECIMAL(%lld,%lld)", (long long)precision, (long long)scale);
    if (exchange_build_type(&r->b, property, text))
        return true;
    exchange_build_left(&r->b, place_of(r, type),
                        "a decimal of more than 38 digits is kept as text");
    put(r, property, STR("VARCHAR"));
    return true;
}

static bool put_logical(struct avro_reader *r, const struct tree *type, struct tree *property)
{
    static const struct {
        const char *base, *logical, *type;
    } logicals[] = {
        {"string", "uuid", "UUID"},
        {"fixed", "uuid", "UUID"},
        {"fixed", "duration", "INTERVAL"},
        {"int", "date", "DATE"},
        {"int", "time-millis", "TIME"},
        {"long", "time-micros", "TIME"},
        {"long", "timestamp-millis", "TIMESTAMP WITH TIME ZONE"},
        {"long", "timestamp-micros", "TIMESTAMP WITH TIME ZONE"},
        {"long", "timestamp-nanos", "TIMESTAMP WITH TIME ZONE"},
        {"long", "local-timestamp-millis", "TIMESTAMP_MS"},
        {"long", "local-timestamp-micros", "TIMESTAMP"},
        {"long", "local-timestamp-nanos", "TIMESTAMP_NS"},
    };
    str base = tree_find_text(type, STR("type")),
        logical = tree_find_text(type, STR("logicalType"));
    if (!logical.len)
        return false;
    if (str_eq(logical, STR("decimal")) && shape_has_word("bytes fixed", base)
        && put_decimal(r, type, property))
        return true;
    for (size_t i = 0; i < sizeof logicals / sizeof *logicals; i++)
        if (str_eq(base, str_of(logicals[i].base))
            && str_eq(logical, str_of(logicals[i].logical))) {
            put(r, property, str_of(logicals[i].type));
            if (str_eq(logical, STR("timestamp-nanos")))
                exchange_build_left(
                    &r->b, place_of(r, type),
                    "of a time with its zone weft keeps microseconds, not nanoseconds");
            return true;
        }
    exchange_build_left(&r->b, place_of(r, type),
                        "the logicalType " STR_FMT " of " STR_FMT " means nothing here",
                        STR_ARG(logical), STR_ARG(base));
    return false;
}

static void put_map(struct avro_reader *r, const struct tree *type, str space,
                    struct tree *property)
{
    struct report ignored;
    struct tree *value = exchange_build_property(&r->b, NULL, STR_NONE);
    const struct tree *values = tree_find(type, STR("values"));
    if (!value || !values)
        return put_json(r, type, property, "a map");
    read_type(r, values, space, value);
    report_init(&ignored, r->b.mem);
    str of = contract_type(r->b.mem, r->b.file, value, &ignored);
    if (!of.len
        || !exchange_build_type(&r->b, property,
                                arena_format(r->b.mem, "MAP(VARCHAR, " STR_FMT ")", STR_ARG(of))))
        put_json(r, type, property, "a map");
}

static void put_symbols(struct avro_reader *r, const struct tree *type, struct tree *property)
{
    const struct tree *symbols = tree_find(type, STR("symbols"));
    struct tree *values = exchange_list(r->b.mem);
    put(r, property, STR("VARCHAR"));
    for (size_t i = 0; symbols && symbols->kind == TREE_LIST && i < symbols->len; i++)
        if (symbols->at[i]->kind == TREE_SCALAR)
            tree_push(r->b.mem, values, exchange_text(r->b.mem, symbols->at[i]->text));
    if (values->len)
        exchange_build_values(&r->b, property, values);
}

static void put_record(struct avro_reader *r, const struct tree *type, str space,
                       struct tree *property)
{
    for (size_t i = 0; i < r->depth; i++)
        if (r->open[i] == type)
            return put_json(r, type, property, "a record inside of itself");
    if (r->depth == DOCUMENT_DEPTH_MAX)
        return put_json(r, type, property, "a record of too many levels");
    r->open[r->depth++] = type;
    struct tree *properties = exchange_list(r->b.mem);
    read_fields(r, type, space_of(type, space), properties);
    r->depth--;
    if (!properties->len)
        return put_json(r, type, property, "a record without fields");
    exchange_put_text(r->b.mem, property, "logicalType", STR("object"));
    exchange_put(r->b.mem, property, "properties", properties);
}

static bool is_null(const struct tree *type)
{
    return type->kind == TREE_SCALAR && str_eq(type->text, STR("null"));
}

static bool is_nullable(const struct tree *type)
{
    bool nullable = is_null(type);
    for (size_t i = 0; type->kind == TREE_LIST && i < type->len; i++)
        nullable = nullable || is_null(type->at[i]);
    return nullable;
}

static void put_complex(struct avro_reader *r, const struct tree *type, str space,
                        struct tree *property)
{
    const struct tree *inner = tree_find(type, STR("type"));
    str kind = inner && inner->kind == TREE_SCALAR ? inner->text : STR_NONE;
    if (str_eq(kind, STR("record")) || str_eq(kind, STR("error"))) {
        put_record(r, type, space, property);
    } else if (str_eq(kind, STR("array"))) {
        struct tree *item = exchange_build_property(&r->b, NULL, STR_NONE);
        const struct tree *items = tree_find(type, STR("items"));
        exchange_put_text(r->b.mem, property, "logicalType", STR("array"));
        if (!item || !items)
            return;
        read_type(r, items, space, item);
        exchange_put_flag(r->b.mem, item, "required", !is_nullable(items));
        exchange_put(r->b.mem, property, "items", item);
    } else if (str_eq(kind, STR("map"))) {
        put_map(r, type, space, property);
    } else if (str_eq(kind, STR("enum"))) {
        put_symbols(r, type, property);
    } else if (put_logical(r, type, property)) {
        return;
    } else if (str_eq(kind, STR("fixed"))) {
        put(r, property, STR("BLOB"));
    } else if (inner) {
        read_type(r, inner, space, property);
    } else {
        exchange_build_error(&r->b, place_of(r, type), "this is no type of Avro");
    }
}

/* The one type beside null; NULL where there are several. */
static const struct tree *only_branch(const struct tree *type)
{
    const struct tree *only = NULL;
    size_t count = 0;
    for (size_t i = 0; i < type->len; i++) {
        if (is_null(type->at[i]))
            continue;
        only = type->at[i];
        count++;
    }
    return count == 1 ? only : NULL;
}

static void read_type(struct avro_reader *r, const struct tree *type, str space,
                      struct tree *property)
{
    if (type->kind == TREE_LIST) {
        const struct tree *only = only_branch(type);
        if (only && only->kind != TREE_LIST)
            read_type(r, only, space, property);
        else
            put_json(r, type, property, "a union of several types");
        return;
    }
    if (type->kind == TREE_MAP) {
        put_complex(r, type, space, property);
        return;
    }
    if (type->kind != TREE_SCALAR || is_null(type)) {
        put_json(r, type, property, "a field of null alone");
        return;
    }
    if (put_primitive(r, type->text, property))
        return;
    const struct tree *named = find_named(r, type->text, space);
    if (named) {
        put_complex(r, named, space, property);
        return;
    }
    exchange_build_error(&r->b, place_of(r, type), "no type is called this")->found = type->text;
}

/* ---- fields */

static void tell_unknown(struct avro_reader *r, const struct tree *node, const char *understood)
{
    for (size_t i = 0; i < node->len; i++) {
        const struct tree *child = node->at[i];
        if (!shape_has_word(understood, child->key))
            exchange_build_left(&r->b, place_of(r, child),
                                STR_FMT " has no place in a contract: left out",
                                STR_ARG(child->key));
    }
}

static void read_field(struct avro_reader *r, const struct tree *field, str space,
                       struct tree *properties)
{
    struct arena *mem = r->b.mem;
    str name = tree_find_text(field, STR("x-name"));
    const struct tree *type = tree_find(field, STR("type"));
    const struct tree *tags = tree_find(field, STR("x-tags"));
    str physical = tree_find_text(field, STR("x-physicalType"));
    bool unique = false;
    int64_t position;
    name = name.len ? name : tree_find_text(field, STR("name"));
    if (!name.len || !type) {
        exchange_build_error(&r->b, place_of(r, field), "a field needs a name and a type");
        return;
    }
    struct tree *property = exchange_build_property(&r->b, properties, name);
    if (!property)
        return;
    const struct tree *fallback = tree_find(field, STR("default"));
    if (fallback && !tree_is_null(fallback))
        exchange_build_left(&r->b, place_of(r, fallback),
                            "a default has no place in a contract: left out");
    tell_unknown(r, field,
                 "name type doc default x-name x-tags x-physicalType x-classification "
                 "x-primaryKeyPosition x-unique");
    if (!physical.len || !exchange_build_type(&r->b, property, physical))
        read_type(r, type, space, property);
    exchange_put_text(mem, property, "description", tree_find_text(field, STR("doc")));
    exchange_put_text(mem, property, "classification",
                      tree_find_text(field, STR("x-classification")));
    if (tags && tags->kind == TREE_LIST)
        exchange_put_copy(mem, property, "tags", tags);
    if (tree_is_int(tree_find(field, STR("x-primaryKeyPosition")), &position) && position > 0) {
        exchange_put_flag(mem, property, "primaryKey", true);
        exchange_put(mem, property, "primaryKeyPosition", exchange_int(mem, position));
    }
    exchange_put_flag(mem, property, "unique",
                      tree_is_bool(tree_find(field, STR("x-unique")), &unique) && unique);
    exchange_put_flag(mem, property, "required", !is_nullable(type));
}

static void read_fields(struct avro_reader *r, const struct tree *record, str space,
                        struct tree *properties)
{
    const struct tree *fields = tree_find(record, STR("fields"));
    tell_unknown(r, record, "type name namespace doc fields x-name x-tags");
    if (!fields || fields->kind != TREE_LIST)
        exchange_build_error(&r->b, place_of(r, record), "a record needs a list of fields");
    for (size_t i = 0; fields && fields->kind == TREE_LIST && i < fields->len; i++)
        read_field(r, fields->at[i], space, properties);
}

static void read_record(struct avro_reader *r, const struct tree *record)
{
    const struct tree *tags = tree_find(record, STR("x-tags"));
    str name = tree_find_text(record, STR("x-name"));
    if (!name.len)
        name = last_name(tree_find_text(record, STR("name")));
    if (!name.len) {
        exchange_build_error(&r->b, place_of(r, record), "a record needs a name");
        return;
    }
    struct tree *table = exchange_build_table(&r->b, name);
    exchange_put_text(r->b.mem, table, "description", tree_find_text(record, STR("doc")));
    if (tags && tags->kind == TREE_LIST)
        exchange_put_copy(r->b.mem, table, "tags", tags);
    r->open[r->depth++] = record;
    read_fields(r, record, space_of(record, STR_NONE), exchange_build_properties(table));
    r->depth--;
}

struct tree *exchange_import_avro(struct arena *mem, const struct exchange_import *import,
                                  const struct tree *document)
{
    struct avro_reader r = {0};
    exchange_build_begin(&r.b, mem, import);
    map_init(&r.named, mem);
    bool is_list = document && document->kind == TREE_LIST;
    size_t count = is_list ? document->len : document && document->kind == TREE_MAP;
    collect(&r, document, STR_NONE, 0);
    for (size_t i = 0; i < count; i++) {
        const struct tree *one = is_list ? document->at[i] : document;
        if (one->kind == TREE_MAP && str_eq(tree_find_text(one, STR("type")), STR("record")))
            read_record(&r, one);
        else if (!(one->kind == TREE_MAP && is_named(tree_find_text(one, STR("type")))))
            exchange_build_left(&r.b, place_of(&r, one), "what is no record is no table: left out");
    }
    if (!r.b.schema->len && !r.b.report->errors) {
        struct finding *f =
            exchange_build_error(&r.b, place_of(&r, document), "no record is in this schema");
        f->allowed = STR("a record, or a list with records");
        return NULL;
    }
    return exchange_build_end(&r.b);
}
