/* JSON Schema, draft-04 to 2020-12, to a contract. */
#include <math.h>

#include "exchange/exchange_build.h"
#include "shape/shape.h"

/* SEARCH_MAX: nodes that are looked at for anchors, of all references together. */
enum { VIEW_MAX = 64, SEARCH_MAX = 5000000 };

/* A schema with all that holds beside it: what its $ref and its allOf say. */
struct view {
    const struct tree *at[VIEW_MAX];
    size_t len;
    bool is_nullable;
};

struct schema_reader {
    struct builder b;
    const struct tree *document;
    const struct tree *open[DOCUMENT_DEPTH_MAX]; /* schemas that are being read, for rings */
    size_t depth, searched;
};

static void read_table(struct schema_reader *r, str name, const struct tree *node);
static void read_properties(struct schema_reader *r, const struct view *view,
                            struct tree *properties);
static void read_schema(struct schema_reader *r, const struct tree *node, struct tree *property,
                        bool is_required);

/* ---- references */

static struct place place_of(const struct schema_reader *r, const struct tree *node)
{
    return tree_place(r->b.mem, r->b.file, node);
}

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

static str decode_step(struct arena *mem, str step)
{
    struct buf *b = buf_new(mem, DOCUMENT_BYTES_MAX), *plain = buf_new(mem, DOCUMENT_BYTES_MAX);
    for (size_t i = 0; i < step.len; i++) {
        bool is_code = step.ptr[i] == '%' && i + 2 < step.len && hex_of(step.ptr[i + 1]) >= 0
                    && hex_of(step.ptr[i + 2]) >= 0;
        buf_add_byte(b, is_code ? (char)(hex_of(step.ptr[i + 1]) * 16 + hex_of(step.ptr[i + 2]))
                                : step.ptr[i]);
        i += is_code ? 2 : 0;
    }
    for (size_t i = 0; i < b->len; i++) {
        bool is_code =
            b->ptr[i] == '~' && i + 1 < b->len && (b->ptr[i + 1] == '0' || b->ptr[i + 1] == '1');
        buf_add_byte(plain, is_code ? (b->ptr[i + 1] == '0' ? '~' : '/') : b->ptr[i]);
        i += is_code;
    }
    return buf_str(plain);
}

static const struct tree *find_anchor(struct schema_reader *r, const struct tree *node, str anchor,
                                      int depth)
{
    if (depth > DOCUMENT_DEPTH_MAX || ++r->searched > SEARCH_MAX
        || (node->kind != TREE_MAP && node->kind != TREE_LIST))
        return NULL;
    if (str_eq(tree_find_text(node, STR("$anchor")), anchor))
        return node;
    for (size_t i = 0; i < node->len; i++) {
        const struct tree *found = find_anchor(r, node->at[i], anchor, depth + 1);
        if (found)
            return found;
    }
    return NULL;
}

static const struct tree *follow(struct schema_reader *r, str pointer)
{
    const struct tree *at = r->document;
    str step, rest = pointer;
    if (pointer.len && pointer.ptr[0] != '/')
        return find_anchor(r, r->document, pointer, 0);
    while (at && rest.len) {
        uint64_t index;
        size_t end = 1;
        while (end < rest.len && rest.ptr[end] != '/')
            end++;
        step = decode_step(r->b.mem, str_sub(rest, 1, end - 1));
        rest = str_from(rest, end);
        if (at->kind == TREE_MAP)
            at = tree_get(at, step);
        else if (at->kind == TREE_LIST && str_to_u64(step, &index) && index < at->len)
            at = at->at[index];
        else
            at = NULL;
    }
    return at;
}

static const struct tree *resolve(struct schema_reader *r, const struct tree *reference)
{
    struct finding *f;
    if (reference->kind != TREE_SCALAR || !str_starts(reference->text, STR("#"))) {
        f = exchange_build_error(&r->b, place_of(r, reference), "$ref points out of this document");
        f->found = shape_found(r->b.mem, reference);
        f->hint = STR("bundle the schema into one file, with what it refers to under $defs");
        return NULL;
    }
    const struct tree *to = follow(r, str_from(reference->text, 1));
    if (!to) {
        f = exchange_build_error(&r->b, place_of(r, reference), "$ref points to nothing");
        f->found = reference->text;
    }
    return to;
}

/* ---- a schema and what holds beside it */

static bool is_null_schema(const struct tree *node)
{
    return str_eq(tree_find_text(node, STR("type")), STR("null"));
}

/* `anyOf: [X, null]` is how generators write an optional X. */
static const struct tree *only_alternative(const struct tree *node, bool *has_null)
{
    const struct tree *only = NULL;
    *has_null = false;
    for (size_t k = 0; k < 2; k++) {
        const struct tree *any = tree_find(node, k ? STR("oneOf") : STR("anyOf"));
        size_t others = 0;
        for (size_t i = 0; any && any->kind == TREE_LIST && i < any->len; i++) {
            bool is_null = is_null_schema(any->at[i]);
            *has_null = *has_null || is_null;
            only = is_null ? only : any->at[i];
            others += !is_null;
        }
        if (others > 1)
            return NULL;
    }
    return only;
}

static void view_add(struct schema_reader *r, struct view *view, const struct tree *node)
{
    if (!node || node->kind != TREE_MAP || view->len == VIEW_MAX)
        return;
    for (size_t i = 0; i < view->len; i++)
        if (view->at[i] == node)
            return;
    view->at[view->len++] = node;
    const struct tree *reference = tree_find(node, STR("$ref"));
    const struct tree *all = tree_find(node, STR("allOf"));
    if (reference)
        view_add(r, view, resolve(r, reference));
    for (size_t i = 0; all && all->kind == TREE_LIST && i < all->len; i++)
        view_add(r, view, all->at[i]);
    bool has_null = false;
    view_add(r, view, only_alternative(node, &has_null));
    view->is_nullable = view->is_nullable || has_null;
}

/* What a schema is when one follows its references alone. */
static const struct tree *principal_of(struct schema_reader *r, const struct tree *node)
{
    bool ignored;
    for (int i = 0; node && i < VIEW_MAX; i++) {
        const struct tree *reference = tree_find(node, STR("$ref"));
        const struct tree *next =
            reference ? resolve(r, reference) : only_alternative(node, &ignored);
        if (!next)
            break;
        node = next;
    }
    return node;
}

static const struct tree *view_find(const struct view *view, const char *key)
{
    for (size_t i = 0; i < view->len; i++) {
        const struct tree *found = tree_find(view->at[i], str_of(key));
        if (found)
            return found;
    }
    return NULL;
}

/* Of all bounds with this key the one that lets least through: all parts of a schema hold. */
static const struct tree *view_bound(const struct view *view, const char *key, bool is_least,
                                     const struct tree **holder_out)
{
    const struct tree *strictest = NULL;
    double number, most = 0;
    *holder_out = NULL;
    for (size_t i = 0; i < view->len; i++) {
        const struct tree *found = tree_find(view->at[i], str_of(key));
        if (!tree_is_number(found, &number)
            || (strictest && (is_least ? number <= most : number >= most)))
            continue;
        strictest = found;
        most = number;
        *holder_out = view->at[i];
    }
    return strictest;
}

static str view_text(const struct view *view, const char *key)
{
    const struct tree *found = view_find(view, key);
    return found && found->kind == TREE_SCALAR ? found->text : STR_NONE;
}

/* Alternatives that are more than an optional one. */
static bool view_has_choice(const struct view *view)
{
    for (size_t i = 0; i < view->len; i++)
        for (size_t k = 0; k < 2; k++) {
            const struct tree *any = tree_find(view->at[i], k ? STR("oneOf") : STR("anyOf"));
            size_t others = 0;
            for (size_t j = 0; any && any->kind == TREE_LIST && j < any->len; j++)
                others += !is_null_schema(any->at[j]);
            if (others > 1)
                return true;
        }
    return false;
}

static const char *const understood =
    "$ref $defs definitions $schema $id id $anchor $comment allOf anyOf oneOf type nullable "
    "properties "
    "required items enum const pattern format minLength maxLength minimum maximum exclusiveMinimum "
    "exclusiveMaximum multipleOf minItems maxItems uniqueItems minProperties maxProperties "
    "description "
    "title examples example additionalProperties components openapi info paths x-physicalType "
    "x-classification x-tags "
    "x-primaryKeyPosition x-unique x-minimum x-maximum x-exclusiveMinimum x-exclusiveMaximum "
    "x-format "
    "x-contentType";

static void tell_unknown(struct schema_reader *r, const struct view *view)
{
    for (size_t i = 0; i < view->len; i++)
        for (size_t j = 0; j < view->at[i]->len; j++) {
            const struct tree *child = view->at[i]->at[j];
            if (!shape_has_word(understood, child->key))
                exchange_build_left(&r->b, place_of(r, child),
                                    STR_FMT " has no place in a contract: left out",
                                    STR_ARG(child->key));
        }
}

/* ---- types */

static void check_type(struct schema_reader *r, str property, const struct tree *type)
{
    static const char *const types = "string integer number boolean object array null";
    if (type->kind == TREE_SCALAR && shape_has_word(types, type->text))
        return;
    struct finding *f =
        property.len
            ? exchange_build_error(&r->b, place_of(r, type),
                                   STR_FMT " is of no type of JSON Schema", STR_ARG(property))
            : exchange_build_error(&r->b, place_of(r, type), "this is no type of JSON Schema");
    f->found = shape_found(r->b.mem, type);
    f->allowed = shape_words_text(r->b.mem, types);
    f->hint = type->kind == TREE_SCALAR ? shape_nearest(r->b.mem, types, type->text) : STR_NONE;
}

static void check_types(struct schema_reader *r, const struct view *view, str property)
{
    for (size_t i = 0; i < view->len; i++) {
        const struct tree *type = tree_find(view->at[i], STR("type"));
        if (type && type->kind != TREE_LIST)
            check_type(r, property, type);
        for (size_t j = 0; type && type->kind == TREE_LIST && j < type->len; j++)
            check_type(r, property, type->at[j]);
    }
}

/* The one type beside null; empty where there is none or several. */
static str type_of(const struct view *view, bool *is_nullable, bool *is_several)
{
    const struct tree *type = view_find(view, "type");
    bool nullable = false;
    *is_several = false;
    *is_nullable =
        view->is_nullable || (tree_is_bool(view_find(view, "nullable"), &nullable) && nullable);
    if (type && type->kind == TREE_SCALAR)
        return type->text;
    str only = STR_NONE;
    for (size_t i = 0; type && type->kind == TREE_LIST && i < type->len; i++) {
        if (str_eq(type->at[i]->text, STR("null"))) {
            *is_nullable = true;
            continue;
        }
        *is_several = *is_several || only.len > 0;
        only = type->at[i]->text;
    }
    if (only.len || type)
        return *is_several ? STR_NONE : only;
    if (view_find(view, "properties"))
        return STR("object");
    if (view_find(view, "items"))
        return STR("array");
    const struct tree *values = view_find(view, "enum"), *one = view_find(view, "const");
    if (values && values->kind == TREE_LIST && values->len)
        one = values->at[0];
    double number;
    bool flag;
    return !one                         ? STR_NONE
         : tree_is_string(one)          ? STR("string")
         : tree_is_bool(one, &flag)     ? STR("boolean")
         : tree_is_number(one, &number) ? STR("number")
                                        : STR_NONE;
}

/* What all parts of a schema say together, where one entry can say it. */
static const struct tree *find_option(struct schema_reader *r, const struct view *view,
                                      const char *key)
{
    const struct tree *holder, *first = view_find(view, key);
    bool is_least = str_starts(str_of(key), STR("min"));
    if (is_least || str_starts(str_of(key), STR("max")))
        return view_bound(view, key, is_least, &holder);
    for (size_t i = 0; first && i < view->len; i++) {
        const struct tree *other = tree_find(view->at[i], str_of(key));
        if (other && !tree_equal(first, other))
            exchange_build_left(&r->b, place_of(r, other), "a second %s has no place: left out",
                                key);
    }
    return first;
}

static void copy_options(struct schema_reader *r, const struct view *view, struct tree *property,
                         const char *options, const char *prefix)
{
    str rest = str_of(options), name;
    while (rest.len) {
        (void)str_cut(rest, ' ', &name, &rest);
        const char *key = arena_format(r->b.mem, "%s" STR_FMT, prefix, STR_ARG(name)).ptr;
        const struct tree *value = find_option(r, view, key);
        if (value && value->kind == TREE_SCALAR)
            exchange_build_option(&r->b, property, arena_c_string(r->b.mem, name),
                                  tree_copy(r->b.mem, value));
    }
}

/* draft-04 says with true or false whether the bound beside it is exclusive. */
static void copy_bounds(struct schema_reader *r, const struct view *view, struct tree *property,
                        double low, double high)
{
    static const char *const bounds[2][2] = {{"minimum", "exclusiveMinimum"},
                                             {"maximum", "exclusiveMaximum"}};
    for (size_t i = 0; i < 2; i++) {
        const struct tree *holder, *other;
        const struct tree *bound = view_bound(view, bounds[i][0], i == 0, &holder);
        const struct tree *open = view_bound(view, bounds[i][1], i == 0, &other);
        bool flag = false;
        double number, open_number;
        (void)tree_is_bool(tree_find(holder, str_of(bounds[i][1])), &flag);
        if (flag) {
            if (!tree_is_number(open, &open_number) || !tree_is_number(bound, &number)
                || (i == 0 ? number > open_number : number < open_number))
                open = bound;
            bound = NULL;
        }
        if (tree_is_number(bound, &number) && (low >= high || number != (i ? high : low)))
            exchange_build_option(&r->b, property, bounds[i][0], tree_copy(r->b.mem, bound));
        if (open)
            exchange_build_option(&r->b, property, bounds[i][1], tree_copy(r->b.mem, open));
    }
    copy_options(r, view, property, "multipleOf", "");
}

/* Bounds that say no more than the type does are the type's. */
static void range_of(str type, double *low, double *high)
{
    static const struct {
        const char *type;
        double low, high;
    } ranges[] = {
        {"TINYINT", -128, 127},
        {"SMALLINT", -32768, 32767},
        {"INTEGER", -2147483648.0, 2147483647.0},
        {"UTINYINT", 0, 255},
        {"USMALLINT", 0, 65535},
        {"UINTEGER", 0, 4294967295.0},
    };
    *low = *high = 0;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (str_eq(type, str_of(ranges[i].type))) {
            *low = ranges[i].low;
            *high = ranges[i].high;
        }
}

/* A bound that a BIGINT cannot have; a double does not tell the last that it can from the first that it cannot. */
static bool is_beyond(const struct tree *bound)
{
    int64_t whole;
    double number;
    return tree_is_number(bound, &number) && fabs(number) > 9e18 && !tree_is_int(bound, &whole);
}

static const char *integer_type(const struct view *view)
{
    double low, high;
    uint64_t most;
    str format = view_text(view, "format");
    const struct tree *holder, *least = view_bound(view, "minimum", true, &holder);
    const struct tree *greatest = view_bound(view, "maximum", false, &holder);
    bool has_low = tree_is_number(least, &low), has_high = tree_is_number(greatest, &high);
    if (str_eq(format, STR("int32"))
        || (has_low && has_high && low >= -2147483648.0 && high <= 2147483647.0))
        return "INTEGER";
    if (!is_beyond(least) && !is_beyond(greatest))
        return "BIGINT";
    return has_low && low >= 0 && has_high && str_to_u64(greatest->text, &most) ? "UBIGINT"
                                                                                : "HUGEINT";
}

static const char *string_type(const struct view *view)
{
    str format = view_text(view, "format");
    if (str_eq(format, STR("date")))
        return "DATE";
    if (str_eq(format, STR("date-time")))
        return "TIMESTAMP WITH TIME ZONE";
    if (str_eq(format, STR("time")))
        return "TIME WITH TIME ZONE";
    if (str_eq(format, STR("uuid")))
        return "UUID";
    return "VARCHAR";
}

static void put_text(struct schema_reader *r, const struct view *view, struct tree *property)
{
    str format = view_text(view, "format");
    copy_options(r, view, property, "minLength maxLength pattern", "");
    /* What JSON carries as text stays text: `binary` would be stored as bytes. */
    if (format.len && !str_eq(format, STR("binary")))
        exchange_build_option(&r->b, property, "format", exchange_text(r->b.mem, format));
}

static void put_scalar(struct schema_reader *r, const struct view *view, struct tree *property,
                       str type)
{
    double low = 0, high = 0;
    (void)exchange_build_type(&r->b, property, type);
    str logical = tree_find_text(property, STR("logicalType"));
    range_of(contract_type_canonical(r->b.mem, type), &low, &high);
    if (str_eq(logical, STR("integer")) || str_eq(logical, STR("number")))
        copy_bounds(r, view, property, low, high);
    else if (str_eq(logical, STR("string")))
        put_text(r, view, property);
    else if (str_eq(logical, STR("date")) || str_eq(logical, STR("time"))
             || str_eq(logical, STR("timestamp"))) {
        copy_options(r, view, property, "minimum maximum exclusiveMinimum exclusiveMaximum format",
                     "x-");
        (void)find_option(r, view, "pattern"); /* tells of one beside that of its rows */
    }
}

static void put_json(struct schema_reader *r, const struct view *view, struct tree *property,
                     const char *why)
{
    exchange_build_left(&r->b, place_of(r, view->len ? view->at[0] : NULL),
                        "%s is kept as JSON, without what is inside", why);
    (void)exchange_build_type(&r->b, property, STR("JSON"));
}

static void put_object(struct schema_reader *r, const struct view *view, struct tree *property)
{
    const struct tree *properties = view_find(view, "properties");
    if (!properties || properties->kind != TREE_MAP || !properties->len) {
        const struct tree *more = view_find(view, "additionalProperties");
        (void)exchange_build_type(&r->b, property, STR("JSON"));
        if (more && more->kind == TREE_MAP && more->len)
            exchange_build_left(&r->b, place_of(r, more),
                                "a map is kept as JSON, without what is inside");
        return;
    }
    exchange_put_text(r->b.mem, property, "logicalType", STR("object"));
    struct tree *list = exchange_list(r->b.mem);
    read_properties(r, view, list);
    exchange_put(r->b.mem, property, "properties", list);
    copy_options(r, view, property, "minProperties maxProperties", "");
}

static void put_array(struct schema_reader *r, const struct view *view, struct tree *property)
{
    const struct tree *items = view_find(view, "items");
    exchange_put_text(r->b.mem, property, "logicalType", STR("array"));
    copy_options(r, view, property, "minItems maxItems uniqueItems", "");
    if (!items || items->kind != TREE_MAP) {
        if (items)
            exchange_build_left(&r->b, place_of(r, items),
                                "an array with a schema for each place is kept as JSON");
        return;
    }
    struct tree *item = exchange_build_property(&r->b, NULL, STR_NONE);
    if (!item)
        return;
    /* A schema that says nothing lets null through. */
    read_schema(r, items, item, items->len > 0);
    exchange_put(r->b.mem, property, "items", item);
}

/* Every enum and const of a schema holds. */
static bool is_valid(const struct view *view, const struct tree *value)
{
    for (size_t i = 0; i < view->len; i++) {
        const struct tree *values = tree_find(view->at[i], STR("enum"));
        const struct tree *one = tree_find(view->at[i], STR("const"));
        bool is_there = !values || values->kind != TREE_LIST;
        for (size_t j = 0; !is_there && j < values->len; j++)
            is_there = tree_equal(values->at[j], value);
        if (!is_there || (one && !tree_equal(one, value)))
            return false;
    }
    return true;
}

static void put_values(struct schema_reader *r, const struct view *view, struct tree *property)
{
    const struct tree *values = view_find(view, "enum"), *one = view_find(view, "const");
    struct tree *list = exchange_list(r->b.mem);
    bool is_whole = true;
    for (size_t i = 0; values && values->kind == TREE_LIST && i < values->len; i++)
        if (values->at[i]->kind != TREE_SCALAR)
            is_whole = is_whole && tree_is_null(values->at[i]);
        else if (is_valid(view, values->at[i]))
            tree_push(r->b.mem, list, tree_copy(r->b.mem, values->at[i]));
    if (!values && one && one->kind == TREE_SCALAR && is_valid(view, one))
        tree_push(r->b.mem, list, tree_copy(r->b.mem, one));
    if (list->len && is_whole)
        exchange_build_values(&r->b, property, list);
    else if (values || one)
        exchange_build_left(&r->b, place_of(r, values ? values : one),
                            list->len || !is_whole
                                ? "valid values that are no scalars are left out"
                                : "no value is valid: these values are left out");
}

static void put_type(struct schema_reader *r, const struct view *view, struct tree *property,
                     str type, bool is_several)
{
    str physical = view_text(view, "x-physicalType");
    if (physical.len && contract_type_canonical(r->b.mem, physical).len
        && !str_eq(type, STR("object")))
        put_scalar(r, view, property, physical);
    else if (is_several)
        put_json(r, view, property, "a property of several types");
    else if (view_has_choice(view))
        put_json(r, view, property, "a choice of schemas");
    else if (str_eq(type, STR("object")) && physical.len)
        put_scalar(r, view, property, physical);
    else if (str_eq(type, STR("object")))
        put_object(r, view, property);
    else if (str_eq(type, STR("array")))
        put_array(r, view, property);
    else if (str_eq(type, STR("boolean")))
        put_scalar(r, view, property, STR("BOOLEAN"));
    else if (str_eq(type, STR("integer")))
        put_scalar(r, view, property, str_of(integer_type(view)));
    else if (str_eq(type, STR("number")))
        put_scalar(r, view, property, STR("DOUBLE"));
    else if (str_eq(type, STR("string")))
        put_scalar(r, view, property, str_of(string_type(view)));
    else
        put_json(r, view, property, "a property without a type");
}

static void put_words(struct schema_reader *r, const struct view *view, struct tree *property)
{
    struct arena *mem = r->b.mem;
    str title = view_text(view, "title");
    const struct tree *examples = view_find(view, "examples"), *one = view_find(view, "example");
    const struct tree *tags = view_find(view, "x-tags");
    if (!str_eq(title, tree_find_text(property, STR("name"))))
        exchange_put_text(mem, property, "businessName", title);
    exchange_put_text(mem, property, "description", view_text(view, "description"));
    exchange_put_text(mem, property, "classification", view_text(view, "x-classification"));
    if (tags && tags->kind == TREE_LIST)
        exchange_put_copy(mem, property, "tags", tags);
    if (!examples && one) {
        struct tree *list = exchange_list(mem);
        tree_push(mem, list, tree_copy(mem, one));
        exchange_put(mem, property, "examples", list);
    } else if (examples && examples->kind == TREE_LIST) {
        exchange_put_copy(mem, property, "examples", examples);
    }
}

static void put_keys(struct schema_reader *r, const struct view *view, struct tree *property)
{
    const struct tree *position = view_find(view, "x-primaryKeyPosition");
    bool unique = false;
    int64_t number;
    if (tree_is_int(position, &number) && number > 0) {
        exchange_put_flag(r->b.mem, property, "primaryKey", true);
        exchange_put(r->b.mem, property, "primaryKeyPosition", exchange_int(r->b.mem, number));
    }
    exchange_put_flag(r->b.mem, property, "unique",
                      tree_is_bool(view_find(view, "x-unique"), &unique) && unique);
}

static bool is_open(const struct schema_reader *r, const struct tree *node)
{
    for (size_t i = 0; i < r->depth; i++)
        if (r->open[i] == node)
            return true;
    return false;
}

static void read_schema(struct schema_reader *r, const struct tree *node, struct tree *property,
                        bool is_required)
{
    struct view view = {0};
    bool is_nullable, is_several;
    const struct tree *principal = principal_of(r, node);
    view_add(r, &view, node);
    str type = type_of(&view, &is_nullable, &is_several);
    if (is_open(r, principal) || r->depth == DOCUMENT_DEPTH_MAX) {
        put_json(r, &view, property, "a schema that refers to itself");
        return;
    }
    r->open[r->depth++] = principal;
    check_types(r, &view, tree_find_text(property, STR("name")));
    tell_unknown(r, &view);
    put_type(r, &view, property, type, is_several);
    put_words(r, &view, property);
    put_values(r, &view, property);
    put_keys(r, &view, property);
    exchange_put_flag(r->b.mem, property, "required", is_required && !is_nullable);
    r->depth--;
}

static bool is_required(const struct view *view, str name)
{
    for (size_t i = 0; i < view->len; i++) {
        const struct tree *list = tree_find(view->at[i], STR("required"));
        for (size_t j = 0; list && list->kind == TREE_LIST && j < list->len; j++)
            if (list->at[j]->kind == TREE_SCALAR && str_eq(list->at[j]->text, name))
                return true;
    }
    return false;
}

static bool has_property(const struct tree *properties, str name)
{
    for (size_t i = 0; i < properties->len; i++)
        if (str_eq(tree_find_text(properties->at[i], STR("name")), name))
            return true;
    return false;
}

static void read_properties(struct schema_reader *r, const struct view *view,
                            struct tree *properties)
{
    for (size_t i = 0; i < view->len; i++) {
        const struct tree *map = tree_find(view->at[i], STR("properties"));
        for (size_t j = 0; map && map->kind == TREE_MAP && j < map->len; j++) {
            if (has_property(properties, map->at[j]->key))
                continue;
            struct tree *property = exchange_build_property(&r->b, properties, map->at[j]->key);
            if (!property)
                return;
            read_schema(r, map->at[j], property, is_required(view, map->at[j]->key));
        }
    }
}

/* ---- tables */

static void read_table(struct schema_reader *r, str name, const struct tree *node)
{
    struct view view = {0};
    view_add(r, &view, node);
    const struct tree *tags = view_find(&view, "x-tags");
    struct tree *table = exchange_build_table(&r->b, name);
    r->open[r->depth++] = principal_of(r, node);
    check_types(r, &view, name);
    tell_unknown(r, &view);
    exchange_put_text(r->b.mem, table, "description", view_text(&view, "description"));
    if (tags && tags->kind == TREE_LIST)
        exchange_put_copy(r->b.mem, table, "tags", tags);
    read_properties(r, &view, exchange_build_properties(table));
    r->depth--;
}

static str name_of_reference(struct schema_reader *r, const struct tree *node, str otherwise)
{
    str reference = tree_find_text(node, STR("$ref")), head, tail;
    if (!reference.len || !str_cut_last(reference, '/', &head, &tail))
        return otherwise;
    return decode_step(r->b.mem, tail);
}

/* Objects with properties, among alternatives or definitions. */
static bool is_table(struct schema_reader *r, const struct tree *node)
{
    struct view view = {0};
    if (node->kind != TREE_MAP)
        return false;
    view_add(r, &view, node);
    return view_find(&view, "properties") != NULL;
}

static bool read_alternatives(struct schema_reader *r, const struct tree *document)
{
    bool has_tables = false;
    for (size_t k = 0; k < 2 && !has_tables; k++) {
        const struct tree *any = tree_find(document, k ? STR("oneOf") : STR("anyOf"));
        for (size_t i = 0; any && any->kind == TREE_LIST && i < any->len; i++) {
            if (!is_table(r, any->at[i]))
                continue;
            str title = tree_find_text(any->at[i], STR("title"));
            read_table(
                r,
                name_of_reference(r, any->at[i],
                                  title.len ? title : arena_format(r->b.mem, "table%zu", i + 1)),
                any->at[i]);
            has_tables = true;
        }
    }
    return has_tables;
}

static bool read_definitions(struct schema_reader *r, const struct tree *map)
{
    bool has_tables = false;
    for (size_t i = 0; map && map->kind == TREE_MAP && i < map->len; i++)
        if (is_table(r, map->at[i])) {
            read_table(r, map->at[i]->key, map->at[i]);
            has_tables = true;
        }
    return has_tables;
}

struct tree *exchange_import_json_schema(struct arena *mem, const struct exchange_import *import,
                                         const struct tree *document)
{
    struct schema_reader r = {.document = document};
    exchange_build_begin(&r.b, mem, import);
    struct view view = {0};
    if (!document || document->kind != TREE_MAP) {
        exchange_build_error(&r.b, place_of(&r, document), "a JSON Schema is an object");
        return NULL;
    }
    view_add(&r, &view, document);
    str title = tree_find_text(document, STR("title"));
    const struct tree *items = view_find(&view, "items");
    if (view_find(&view, "properties")) {
        read_table(&r, title.len ? title : exchange_build_id(mem, import->id), document);
    } else if (items && items->kind == TREE_MAP && is_table(&r, items)) {
        read_table(&r, title.len ? title : exchange_build_id(mem, import->id), items);
    } else if (!read_alternatives(&r, document)
               && !read_definitions(&r, tree_find(document, STR("$defs")))
               && !read_definitions(&r, tree_find(document, STR("definitions")))
               && !read_definitions(
                   &r, tree_find(tree_find(document, STR("components")), STR("schemas")))) {
        struct finding *f = exchange_build_error(&r.b, place_of(&r, document),
                                                 "no schema of it is an object with properties");
        f->hint = STR(
            "a table is an object with properties: the document itself, its anyOf, or its $defs");
        return NULL;
    }
    if (r.b.schema->len > 1) {
        exchange_put_text(mem, r.b.root, "name", title);
        str description = tree_find_text(document, STR("description"));
        if (description.len) {
            struct tree *described = exchange_map(mem);
            exchange_put_text(mem, described, "purpose", description);
            exchange_put(mem, r.b.root, "description", described);
        }
    }
    return exchange_build_end(&r.b);
}
