#include "contract/contract_inside.h"

#include "shape/shape.h"
#include "shape/shape_names.h"

#include "limits/limits.h"

enum {
    TYPE_DEPTH_MAX = 32,
    LIST_DEPTH_MAX = 20, /* for each more the engine takes twice as long to begin */
    DECIMAL_DIGITS_MAX = 38,
};

enum type_arguments { ARGS_NONE, ARGS_LENGTH, ARGS_DECIMAL, ARGS_SECONDS, ARGS_BINARY_DIGITS };

static const struct type_row {
    const char *spelling, *engine;
    enum type_arguments arguments;
} type_rows[] = {
#define TYPE(spelling, engine, arguments, whose) {spelling, engine, ARGS_##arguments},
#include "contract/types.def"
#undef TYPE
};

static const struct {
    const char *type, *option, *value, *engine;
} logical_rows[] = {
#define LOGICAL(type, option, value, engine) {type, option, value, engine},
#include "contract/logical_types.def"
#undef LOGICAL
};

struct type_reader {
    struct arena *mem;
    str rest;
    uint32_t depth;
    str problem;
};

static enum type_outcome read_type(struct type_reader *r, struct type_node **out);

static void skip_space(struct type_reader *r)
{
    while (r->rest.len && str_has(STR(" \t\r\n"), r->rest.ptr[0]))
        r->rest = str_from(r->rest, 1);
}

static bool take(struct type_reader *r, char c)
{
    skip_space(r);
    if (!r->rest.len || r->rest.ptr[0] != c)
        return false;
    r->rest = str_from(r->rest, 1);
    return true;
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static str take_word(struct type_reader *r)
{
    skip_space(r);
    size_t len = 0;
    while (len < r->rest.len && is_word_byte(r->rest.ptr[len]))
        len++;
    str word = str_sub(r->rest, 0, len);
    r->rest = str_from(r->rest, len);
    return word;
}

/* A bare or quoted identifier; empty when there is none. */
static str take_identifier(struct type_reader *r)
{
    skip_space(r);
    if (!r->rest.len || r->rest.ptr[0] != '"')
        return take_word(r);
    char *name = arena_alloc(r->mem, r->rest.len);
    size_t len = 0;
    for (size_t i = 1; i < r->rest.len; i++) {
        if (r->rest.ptr[i] == '"') {
            if (i + 1 >= r->rest.len || r->rest.ptr[i + 1] != '"') {
                r->rest = str_from(r->rest, i + 1);
                return (str){name, len};
            }
            i++;
        }
        name[len++] = r->rest.ptr[i];
    }
    return STR_NONE;
}

static enum type_outcome wrong(struct type_reader *r, str problem)
{
    r->problem = problem;
    return TYPE_WRONG;
}

/* Up to two numbers in parentheses. */
static bool take_numbers(struct type_reader *r, int64_t *numbers, size_t *count)
{
    *count = 0;
    do {
        str word = take_word(r);
        if (*count == 2 || !str_to_i64(word, &numbers[*count]))
            return false;
        (*count)++;
    } while (take(r, ','));
    return take(r, ')');
}

static enum type_outcome read_enum(struct type_reader *r, struct type_node *type)
{
    bool is_quoted = false;
    for (size_t i = 0; i < r->rest.len; i++) {
        if (r->rest.ptr[i] == '\'')
            is_quoted = !is_quoted;
        if (r->rest.ptr[i] != ')' || is_quoted)
            continue;
        r->rest = str_from(r->rest, i + 1);
        *type = (struct type_node){.kind = TYPE_SCALAR, .name = STR("VARCHAR")};
        return TYPE_READ;
    }
    return wrong(r, STR("the values of the enum do not end"));
}

static enum type_outcome read_struct(struct type_reader *r, struct type_node *type)
{
    type->kind = TYPE_STRUCT;
    do {
        str name = take_identifier(r);
        if (!name.len)
            return wrong(r, STR("a field of the struct has no name"));
        for (size_t i = 0; i < type->fields.len; i++)
            if (str_eq_nocase(type->fields.at[i], name))
                return wrong(r, STR("two fields of the struct have the same name"));
        struct type_node *part;
        enum type_outcome outcome = read_type(r, &part);
        if (outcome != TYPE_READ)
            return outcome;
        vec_push(r->mem, &type->fields, name);
        vec_push(r->mem, &type->parts, part);
    } while (take(r, ','));
    return take(r, ')') ? TYPE_READ : wrong(r, STR("the fields of the struct do not end"));
}

static enum type_outcome read_map(struct type_reader *r, struct type_node *type)
{
    type->kind = TYPE_MAP;
    do {
        struct type_node *part;
        enum type_outcome outcome = read_type(r, &part);
        if (outcome != TYPE_READ)
            return outcome;
        vec_push(r->mem, &type->parts, part);
    } while (take(r, ','));
    return take(r, ')') && type->parts.len == 2
             ? TYPE_READ
             : wrong(r, STR("a map has one type of keys and one of values"));
}

static const struct type_row *find_row(str spelling)
{
    for (size_t i = 0; i < sizeof type_rows / sizeof *type_rows; i++)
        if (str_eq(spelling, str_of(type_rows[i].spelling)))
            return &type_rows[i];
    return NULL;
}

static enum type_outcome make_scalar(struct type_reader *r, const struct type_row *row,
                                     const int64_t *numbers, size_t count, struct type_node *type)
{
    *type = (struct type_node){.kind = TYPE_SCALAR, .name = str_of(row->engine)};
    switch (row->arguments) {
    case ARGS_NONE:
        return count ? wrong(r, STR("this type takes nothing in parentheses")) : TYPE_READ;
    case ARGS_LENGTH:
        return count < 2 && (!count || numbers[0] > 0)
                 ? TYPE_READ
                 : wrong(r, STR("this type takes one length, from 1"));
    case ARGS_SECONDS:
        if (count > 1 || (count && (numbers[0] < 0 || numbers[0] > 9)))
            return wrong(r, STR("this type takes 0 to 9 digits of a second"));
        if (count && numbers[0] > 6) {
            if (!str_eq(type->name, STR("TIMESTAMP")))
                return wrong(r, STR("this type takes 0 to 6 digits of a second"));
            type->name = STR("TIMESTAMP_NS");
        }
        return TYPE_READ;
    case ARGS_BINARY_DIGITS:
        if (count > 1 || (count && (numbers[0] < 1 || numbers[0] > 53)))
            return wrong(r, STR("float takes 1 to 53 binary digits"));
        if (count && numbers[0] > 24)
            type->name = STR("DOUBLE");
        return TYPE_READ;
    case ARGS_DECIMAL:
        type->kind = TYPE_DECIMAL;
        type->precision = count ? numbers[0] : 18;
        type->scale = count == 2 ? numbers[1] : count ? 0 : 3;
        if (type->precision < 1 || type->precision > DECIMAL_DIGITS_MAX || type->scale < 0
            || type->scale > type->precision)
            return wrong(r, STR("the precision is 1 to 38, the scale 0 to the precision"));
        return TYPE_READ;
    }
    return TYPE_UNKNOWN;
}

/* `timestamp(3) with time zone`: words, perhaps numbers, perhaps more words. */
static enum type_outcome read_scalar(struct type_reader *r, str first, struct type_node *type,
                                     bool *is_list_out)
{
    struct str_list words = {0};
    int64_t numbers[2];
    size_t count = 0;
    bool has_numbers = false;
    *is_list_out = first.len > 1 && first.ptr[0] == '_'; /* _int4: the catalog's name of int4[] */
    vec_push(r->mem, &words, arena_lower(r->mem, *is_list_out ? str_from(first, 1) : first));
    for (;;) {
        if (!has_numbers && take(r, '(')) {
            if (!take_numbers(r, numbers, &count))
                return find_row(words.at[0])
                         ? wrong(r, STR("the parentheses must hold one or two integers"))
                         : TYPE_UNKNOWN;
            has_numbers = true;
            continue;
        }
        str word = take_word(r);
        if (!word.len)
            break;
        vec_push(r->mem, &words, arena_lower(r->mem, word));
    }
    if (words.len > 1 && str_eq(words.at[words.len - 1], STR("array"))) {
        words.len--;
        *is_list_out = !r->rest.len || r->rest.ptr[0] != '['; /* `int array[3]` says its length */
    }
    const struct type_row *row = find_row(str_list_join(r->mem, &words, STR(" ")));
    return row ? make_scalar(r, row, numbers, count, type) : TYPE_UNKNOWN;
}

static struct type_node *list_of(struct arena *mem, struct type_node *element)
{
    struct type_node *list = ARENA_NEW(mem, struct type_node);
    list->kind = TYPE_LIST;
    vec_push(mem, &list->parts, element);
    return list;
}

static enum type_outcome read_suffixes(struct type_reader *r, struct type_node **type)
{
    while (take(r, '[')) {
        if (++r->depth > TYPE_DEPTH_MAX)
            return wrong(r, STR("the type is nested too deep"));
        struct type_node *list = list_of(r->mem, *type);
        if (!take(r, ']')) {
            if (!str_to_i64(take_word(r), &list->length) || list->length < 1
                || list->length > 100000 || !take(r, ']'))
                return wrong(r, STR("brackets hold nothing, or a length from 1 to 100000"));
            list->kind = TYPE_ARRAY;
        }
        *type = list;
    }
    return TYPE_READ;
}

static enum type_outcome read_type(struct type_reader *r, struct type_node **out)
{
    if (++r->depth > TYPE_DEPTH_MAX)
        return wrong(r, STR("the type is nested too deep"));
    uint32_t depth = r->depth;
    struct type_node *type = ARENA_NEW(r->mem, struct type_node);
    bool is_list = false;
    str first = take_identifier(r);
    str name = arena_lower(r->mem, first);
    enum type_outcome outcome = TYPE_UNKNOWN;
    if ((str_eq(name, STR("struct")) || str_eq(name, STR("row"))) && take(r, '('))
        outcome = read_struct(r, type);
    else if (str_eq(name, STR("map")) && take(r, '('))
        outcome = read_map(r, type);
    else if (str_eq(name, STR("enum")) && take(r, '('))
        outcome = read_enum(r, type);
    else if (first.len)
        outcome = read_scalar(r, first, type, &is_list);
    if (outcome != TYPE_READ)
        return outcome;
    *out = is_list ? list_of(r->mem, type) : type;
    outcome = read_suffixes(r, out);
    r->depth = depth - 1;
    return outcome;
}

static int lists_deep(const struct type_node *type)
{
    int most = 0;
    for (size_t i = 0; i < type->parts.len; i++) {
        int inside = lists_deep(type->parts.at[i]);
        most = inside > most ? inside : most;
    }
    return most + (type->parts.len && type->kind != TYPE_STRUCT);
}

enum type_outcome contract_type_read(struct arena *mem, str text, struct type_node **out,
                                     str *problem_out)
{
    struct type_reader r = {.mem = mem, .rest = text};
    *problem_out = STR_NONE;
    if (text.len > DOCUMENT_BYTES_MAX)
        return TYPE_UNKNOWN;
    enum type_outcome outcome = read_type(&r, out);
    skip_space(&r);
    if (outcome == TYPE_READ && r.rest.len)
        return TYPE_UNKNOWN;
    if (outcome == TYPE_READ && lists_deep(*out) > LIST_DEPTH_MAX)
        outcome = wrong(&r, STR("the type is nested too deep"));
    *problem_out = r.problem;
    return outcome;
}

static str field_text(struct arena *mem, str name)
{
    bool is_plain = !(name.ptr[0] >= '0' && name.ptr[0] <= '9') && !shape_is_keyword(name);
    for (size_t i = 0; i < name.len; i++)
        is_plain = is_plain && is_word_byte(name.ptr[i]);
    if (is_plain)
        return name;
    char *quoted = arena_alloc(mem, name.len * 2 + 2);
    size_t len = 0;
    quoted[len++] = '"';
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '"')
            quoted[len++] = '"';
        quoted[len++] = name.ptr[i];
    }
    quoted[len++] = '"';
    return (str){quoted, len};
}

str contract_type_print(struct arena *mem, const struct type_node *type)
{
    struct str_list parts = {0};
    for (size_t i = 0; i < type->parts.len; i++) {
        str part = contract_type_print(mem, type->parts.at[i]);
        if (type->kind == TYPE_STRUCT)
            part = arena_format(mem, STR_FMT " " STR_FMT,
                                STR_ARG(field_text(mem, type->fields.at[i])), STR_ARG(part));
        vec_push(mem, &parts, part);
    }
    str inside = str_list_join(mem, &parts, STR(", "));
    switch (type->kind) {
    case TYPE_SCALAR:
        return type->name;
    case TYPE_DECIMAL:
        return arena_format(mem, "DECIMAL(%d,%d)", (int)type->precision, (int)type->scale);
    case TYPE_LIST:
        return arena_format(mem, STR_FMT "[]", STR_ARG(inside));
    case TYPE_ARRAY:
        return arena_format(mem, STR_FMT "[%d]", STR_ARG(inside), (int)type->length);
    case TYPE_STRUCT:
        return arena_format(mem, "STRUCT(" STR_FMT ")", STR_ARG(inside));
    case TYPE_MAP:
        return arena_format(mem, "MAP(" STR_FMT ")", STR_ARG(inside));
    }
    return STR_NONE;
}

str contract_type_canonical(struct arena *mem, str type)
{
    struct type_node *node;
    str problem;
    return contract_type_read(mem, type, &node, &problem) == TYPE_READ
             ? contract_type_print(mem, node)
             : STR_NONE;
}

str contract_type_element(struct arena *mem, str type)
{
    struct type_node *node;
    str problem;
    if (contract_type_read(mem, type, &node, &problem) != TYPE_READ
        || (node->kind != TYPE_LIST && node->kind != TYPE_ARRAY))
        return STR_NONE;
    return contract_type_print(mem, node->parts.at[0]);
}

bool contract_type_fields(struct arena *mem, str type, struct str_list *names_out,
                          struct str_list *types_out)
{
    struct type_node *node;
    str problem;
    if (contract_type_read(mem, type, &node, &problem) != TYPE_READ || node->kind != TYPE_STRUCT)
        return false;
    for (size_t i = 0; i < node->parts.len; i++) {
        vec_push(mem, names_out, node->fields.at[i]);
        vec_push(mem, types_out, contract_type_print(mem, node->parts.at[i]));
    }
    return true;
}

bool contract_type_map(struct arena *mem, str type, str *key_out, str *value_out)
{
    struct type_node *node;
    str problem;
    if (contract_type_read(mem, type, &node, &problem) != TYPE_READ || node->kind != TYPE_MAP)
        return false;
    *key_out = contract_type_print(mem, node->parts.at[0]);
    *value_out = contract_type_print(mem, node->parts.at[1]);
    return true;
}

static void replace_leaves(struct arena *mem, struct type_node *node,
                           str (*leaf)(struct arena *mem, str type))
{
    if (node->kind == TYPE_SCALAR || node->kind == TYPE_DECIMAL) {
        *node = (struct type_node){.kind = TYPE_SCALAR,
                                   .name = leaf(mem, contract_type_print(mem, node))};
        return;
    }
    /* Keys of maps are texts, in files as in JSON. */
    for (size_t i = node->kind == TYPE_MAP ? 1 : 0; i < node->parts.len; i++)
        replace_leaves(mem, node->parts.at[i], leaf);
}

str contract_type_replace(struct arena *mem, str type, str (*leaf)(struct arena *mem, str type))
{
    struct type_node *node;
    str problem;
    if (contract_type_read(mem, type, &node, &problem) != TYPE_READ)
        return type;
    replace_leaves(mem, node, leaf);
    return contract_type_print(mem, node);
}

static str logical_type(struct arena *mem, str file, const struct tree *property,
                        struct report *report);

static str struct_type(struct arena *mem, str file, const struct tree *properties,
                       struct report *report)
{
    struct type_node type = {.kind = TYPE_STRUCT};
    bool is_whole = true;
    for (size_t i = 0; i < properties->len; i++) {
        const struct tree *field = properties->at[i];
        str name = tree_find_text(field, STR("name"));
        str text = contract_type(mem, file, field, report);
        struct type_node *part;
        str problem;
        for (size_t j = 0; j < type.fields.len; j++)
            if (name.len && str_eq_nocase(type.fields.at[j], name)) {
                shape_error(mem, file, report, field,
                            "two properties of the object are named " STR_FMT, STR_ARG(name));
                is_whole = false;
            }
        if (!name.len || !text.len || contract_type_read(mem, text, &part, &problem) != TYPE_READ) {
            is_whole = false;
            continue;
        }
        vec_push(mem, &type.fields, name);
        vec_push(mem, &type.parts, part);
    }
    return is_whole ? contract_type_print(mem, &type) : STR_NONE;
}

static str logical_type(struct arena *mem, str file, const struct tree *property,
                        struct report *report)
{
    str type = tree_find_text(property, STR("logicalType"));
    const struct tree *options = tree_find(property, STR("logicalTypeOptions"));
    const struct tree *parts = tree_find(property, STR("properties"));
    const struct tree *items = tree_find(property, STR("items"));
    if (str_eq(type, STR("object")) && parts && parts->kind == TREE_LIST && parts->len)
        return struct_type(mem, file, parts, report);
    if (str_eq(type, STR("array")) && items && items->kind == TREE_MAP) {
        str element = contract_type(mem, file, items, report);
        return element.len ? arena_format(mem, STR_FMT "[]", STR_ARG(element)) : STR_NONE;
    }
    for (size_t i = 0; i < sizeof logical_rows / sizeof *logical_rows; i++) {
        if (!str_eq(type, str_of(logical_rows[i].type)))
            continue;
        str option = str_of(logical_rows[i].option);
        if (!option.len || str_eq(tree_find_text(options, option), str_of(logical_rows[i].value)))
            return str_of(logical_rows[i].engine);
    }
    return STR_NONE;
}

static void warn_of_bare_numeric(struct arena *mem, str file, const struct tree *physical,
                                 struct report *report)
{
    str text = arena_lower(mem, str_trim(physical->text));
    if (!str_eq(text, STR("numeric")) && !str_eq(text, STR("decimal")) && !str_eq(text, STR("dec")))
        return;
    struct finding *f =
        report_add(report, FINDING_WARNING, ERR_TYPE, tree_place(mem, file, physical),
                   STR_FMT " without a precision is stored as DECIMAL(18,3)", STR_ARG(text));
    f->hint = arena_format(mem, "say what the numbers need: " STR_FMT "(18,3)", STR_ARG(text));
}

/* No file holds integers of 128 bits: what has more than 38 digits is refused when it comes, and nothing is rounded. */
static str storable(struct arena *mem, str type)
{
    (void)mem;
    return str_ends(type, STR("HUGEINT")) ? STR("DECIMAL(38,0)") : type;
}

str contract_type(struct arena *mem, str file, const struct tree *property, struct report *report)
{
    const struct tree *physical = tree_find(property, STR("physicalType"));
    str logical = tree_find_text(property, STR("logicalType"));
    struct type_node *type = NULL;
    str problem = STR_NONE;
    enum type_outcome outcome = TYPE_UNKNOWN;
    if (physical && physical->kind == TREE_SCALAR)
        outcome = contract_type_read(report->mem, physical->text, &type, &problem);
    if (outcome == TYPE_READ && (type->kind == TYPE_LIST || type->kind == TYPE_ARRAY) && logical.len
        && !str_eq(logical, STR("array"))) {
        outcome = TYPE_WRONG;
        problem =
            arena_format(mem, "it is an array, and logicalType says " STR_FMT, STR_ARG(logical));
    }
    if (outcome == TYPE_READ) {
        warn_of_bare_numeric(mem, file, physical, report);
        return arena_str(mem, contract_type_replace(
                                  report->mem, contract_type_print(report->mem, type), storable));
    }
    if (outcome == TYPE_WRONG) {
        struct finding *f =
            shape_error(mem, file, report, physical, "physicalType cannot be stored: " STR_FMT,
                        STR_ARG(problem));
        f->found = shape_found(mem, physical);
        f->hint = STR("see docs/types.md; a length stands in parentheses: varchar(50)");
        return STR_NONE;
    }
    if (logical.len)
        return logical_type(mem, file, property, report);
    struct finding *f =
        physical ? shape_error(mem, file, report, physical, "weft does not know this physicalType")
                 : shape_error(mem, file, report, property, "the property has no type");
    f->found = physical ? shape_found(mem, physical) : STR_NONE;
    f->allowed = STR("a physicalType of docs/types.md, or a logicalType");
    f->hint = physical ? STR("add a logicalType beside it") : STR("add a logicalType");
    return STR_NONE;
}
