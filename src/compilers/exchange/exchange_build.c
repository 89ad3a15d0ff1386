#include "exchange/exchange_build.h"
#include "exchange/exchange_lexer.h"

static struct tree *properties_in_order(struct arena *mem, const struct tree *node);

str exchange_build_id(struct arena *mem, str text)
{
    char *id = arena_c_string(mem, text);
    for (size_t i = 0; i < text.len; i++) {
        char c = id[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                     || c == '_' || c == '-';
        id[i] = is_plain ? c : '-';
    }
    return text.len ? (str){id, text.len} : STR("imported");
}

void exchange_build_begin(struct builder *b, struct arena *mem,
                          const struct exchange_import *import)
{
    *b = (struct builder){.mem = mem, .file = import->file, .report = import->report};
    b->root = exchange_map(mem);
    b->schema = exchange_list(mem);
    exchange_put_text(mem, b->root, "apiVersion", STR("v3.1.0"));
    exchange_put_text(mem, b->root, "kind", STR("DataContract"));
    exchange_put_text(mem, b->root, "id", exchange_build_id(mem, import->id));
    exchange_put_text(mem, b->root, "version", STR("1.0.0"));
    exchange_put_text(mem, b->root, "status", STR("draft"));
}

struct tree *exchange_build_table(struct builder *b, str name)
{
    struct tree *table = exchange_map(b->mem);
    exchange_put(b->mem, table, "name", exchange_text(b->mem, name));
    exchange_put_text(b->mem, table, "logicalType", STR("object"));
    exchange_put(b->mem, table, "properties", exchange_list(b->mem));
    tree_push(b->mem, b->schema, table);
    return table;
}

struct tree *exchange_build_properties(struct tree *table)
{
    const struct tree *found = tree_get(table, STR("properties"));
    return found ? table->at[found->index] : NULL;
}

struct tree *exchange_build_property(struct builder *b, struct tree *properties, str name)
{
    if (++b->parts > COLUMNS_MAX) {
        if (b->parts == COLUMNS_MAX + 1)
            exchange_build_error(b, (struct place){.file = b->file},
                                 "the contract would have more than %d columns", COLUMNS_MAX);
        return NULL;
    }
    struct tree *property = exchange_map(b->mem);
    if (name.len)
        exchange_put(b->mem, property, "name", exchange_text(b->mem, name));
    if (properties)
        tree_push(b->mem, properties, property);
    return property;
}

static const char *logical_of(const struct exchange_part *part)
{
    switch (part->kind) {
    case KIND_BOOLEAN:
        return "boolean";
    case KIND_INTEGER:
        return "integer";
    case KIND_FLOAT:
    case KIND_DECIMAL:
        return "number";
    case KIND_DATE:
        return "date";
    case KIND_TIME:
        return "time";
    case KIND_TIMESTAMP:
        return "timestamp";
    case KIND_LIST:
        return "array";
    case KIND_JSON:
    case KIND_STRUCT:
    case KIND_MAP:
        return "object";
    default:
        return "string";
    }
}

bool exchange_build_type(struct builder *b, struct tree *property, str type)
{
    struct report ignored;
    struct contract_column column = {.type = contract_type_canonical(b->mem, type)};
    if (!column.type.len)
        return false;
    report_init(&ignored, b->mem);
    const struct exchange_part *part = exchange_column_part(b->mem, &column);
    exchange_put_text(b->mem, property, "logicalType", str_of(logical_of(part)));
    if (part->kind == KIND_UUID)
        exchange_build_option(b, property, "format", exchange_text(b->mem, STR("uuid")));
    if ((part->kind == KIND_TIME || part->kind == KIND_TIMESTAMP) && part->has_zone)
        exchange_build_option(b, property, "timezone", exchange_word(b->mem, STR("true")));
    str plain = contract_type(b->mem, b->file, property, &ignored);
    bool has_length = part->kind == KIND_TEXT && str_has(type, '(');
    if (!str_eq(plain, column.type) || has_length)
        exchange_put_text(b->mem, property, "physicalType", str_trim(type));
    return true;
}

void exchange_build_option(struct builder *b, struct tree *property, const char *option,
                           struct tree *value)
{
    const struct tree *found = tree_get(property, STR("logicalTypeOptions"));
    struct tree *options = found ? property->at[found->index] : exchange_map(b->mem);
    exchange_put(b->mem, options, option, value);
    if (!found)
        exchange_put(b->mem, property, "logicalTypeOptions", options);
}

void exchange_build_values(struct builder *b, struct tree *property, struct tree *values)
{
    struct tree *list = exchange_list(b->mem), *rule = exchange_map(b->mem);
    struct tree *arguments = exchange_map(b->mem);
    exchange_put(b->mem, arguments, "validValues", values);
    exchange_put_text(b->mem, rule, "metric", STR("invalidValues"));
    exchange_put(b->mem, rule, "arguments", arguments);
    exchange_put(b->mem, rule, "mustBe", exchange_int(b->mem, 0));
    tree_push(b->mem, list, rule);
    exchange_put(b->mem, property, "quality", list);
}

/* True when the text is told already, or one too many. */
static bool is_told(struct builder *b, str what)
{
    for (size_t i = 0; i < b->left.len; i++)
        if (str_eq(b->left.at[i].what, what)) {
            b->left.at[i].count++;
            return true;
        }
    b->left_untold += b->left.len == BUILDER_LEFT_MAX;
    return b->left.len == BUILDER_LEFT_MAX;
}

static void tell_left(struct builder *b, str what, struct place place)
{
    vec_push(b->mem, &b->left, ((struct builder_left){.what = what, .place = place, .count = 1}));
}

void exchange_build_left(struct builder *b, struct place place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    str what = arena_format_args(b->mem, format, args);
    va_end(args);
    if (!is_told(b, what))
        tell_left(b, what, place);
}

void exchange_build_left_at(struct builder *b, str text, size_t offset, const char *format, ...)
{
    va_list args;
    struct place place = {.file = b->file};
    va_start(args, format);
    str what = arena_format_args(b->mem, format, args);
    va_end(args);
    if (is_told(b, what))
        return;
    exchange_lexer_place(text, offset, &place.line, &place.column);
    tell_left(b, what, place);
}

struct finding *exchange_build_error(struct builder *b, struct place place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    str message = arena_format_args(b->mem, format, args);
    va_end(args);
    return report_add(b->report, FINDING_ERROR, ERR_INVALID, place, STR_FMT, STR_ARG(message));
}

/* What the standard says of the outcome has no place in the file that was read. */
static void check_outcome(struct builder *b)
{
    struct report findings;
    report_init(&findings, b->mem);
    (void)contract_read(b->mem, b->file, b->root, &findings);
    for (size_t i = 0; i < findings.len; i++)
        if (findings.at[i].level == FINDING_ERROR) {
            struct finding *f = exchange_build_error(
                b, (struct place){.file = b->file},
                "in the contract that comes out, " STR_FMT ": " STR_FMT,
                STR_ARG(findings.at[i].place.path), STR_ARG(findings.at[i].message));
            f->found = findings.at[i].found;
            f->hint = findings.at[i].hint;
        }
}

/* As people write it: what is long stands last. */
static struct tree *in_order(struct arena *mem, const struct tree *map, const char *keys)
{
    struct tree *out = exchange_map(mem);
    str rest = str_of(keys), key;
    while (rest.len) {
        (void)str_cut(rest, ' ', &key, &rest);
        const struct tree *value = tree_get(map, key);
        if (value && (str_eq(key, STR("properties")) || str_eq(key, STR("items"))))
            exchange_put(mem, out, arena_c_string(mem, key), properties_in_order(mem, value));
        else
            exchange_put_copy(mem, out, arena_c_string(mem, key), value);
    }
    return out;
}

static struct tree *properties_in_order(struct arena *mem, const struct tree *node)
{
    static const char *const keys =
        "name businessName logicalType physicalType logicalTypeOptions description required unique "
        "primaryKey primaryKeyPosition classification tags examples customProperties relationships "
        "quality items properties";
    if (node->kind == TREE_MAP)
        return in_order(mem, node, keys);
    struct tree *list = exchange_list(mem);
    for (size_t i = 0; i < node->len; i++)
        tree_push(mem, list, in_order(mem, node->at[i], keys));
    return list;
}

static struct tree *tables_in_order(struct builder *b)
{
    struct tree *list = exchange_list(b->mem);
    for (size_t i = 0; i < b->schema->len; i++)
        tree_push(b->mem, list,
                  in_order(b->mem, b->schema->at[i],
                           "name physicalName logicalType description tags customProperties "
                           "relationships quality properties"));
    return list;
}

void exchange_build_tell(struct builder *b)
{
    for (size_t i = 0; i < b->left.len; i++) {
        const struct builder_left *one = &b->left.at[i];
        str times = one->count > 1 ? arena_format(b->mem, " (%zu times)", one->count) : STR_NONE;
        report_add(b->report, FINDING_NOTE, ERR_INVALID, one->place, STR_FMT STR_FMT,
                   STR_ARG(one->what), STR_ARG(times));
    }
    if (b->left_untold)
        report_add(b->report, FINDING_NOTE, ERR_INVALID, (struct place){.file = b->file},
                   "%zu more things were left out", b->left_untold);
}

struct tree *exchange_build_end(struct builder *b)
{
    exchange_build_tell(b);
    if (b->report->errors)
        return NULL;
    exchange_put(b->mem, b->root, "schema", tables_in_order(b));
    if (!b->schema->len) {
        exchange_build_error(b, (struct place){.file = b->file}, "nothing in it is a table");
        return NULL;
    }
    check_outcome(b);
    return b->report->errors ? NULL : b->root;
}
