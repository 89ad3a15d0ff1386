/* The way to the values that a rule is about: through objects in the row itself, through arrays by one row an element. */
#include "check/check_inside.h"
#include "contract/contract_time.h"

#define ELEMENT "element"

struct walk {
    struct arena *mem;
    const struct contract_rule *rule;
    struct check_spot *spot;
    str value, type;
    bool is_json; /* inside of a column of JSON */
    str problem;
};

str check_identifier(struct arena *mem, str name)
{
    struct buf *b = buf_new(mem, 2 * name.len + 3);
    buf_add_identifier(b, name);
    return buf_str(b);
}

bool check_is_of_elements(const struct contract_rule *rule)
{
    for (size_t i = 0; i < rule->path.len; i++)
        if (!rule->path.at[i].len)
            return true;
    return false;
}

static bool fail(struct walk *w, const char *what)
{
    w->problem = arena_format(w->mem, STR_FMT " is %s", STR_ARG(w->rule->columns.at[0]), what);
    return false;
}

str check_pointer(struct arena *mem, str name)
{
    struct buf *b = buf_new(mem, 2 * name.len + 1);
    buf_add_byte(b, '/');
    for (size_t i = 0; i < name.len; i++)
        switch (name.ptr[i]) {
        case '~':
            buf_add(b, STR("~0"));
            break;
        case '/':
            buf_add(b, STR("~1"));
            break;
        default:
            buf_add_byte(b, name.ptr[i]);
        }
    return buf_str(b);
}

static bool walk_into_property(struct walk *w, str name)
{
    struct str_list names = {0}, types = {0};
    w->spot->owner = w->value;
    if (str_eq(w->type, STR("JSON"))) {
        /* In JSON a null is a value: such an object is none. */
        w->spot->owner =
            arena_format(w->mem, "CASE WHEN json_type(" STR_FMT ") = 'OBJECT' THEN " STR_FMT " END",
                         STR_ARG(w->value), STR_ARG(w->value));
        str key = check_literal(w->mem, check_pointer(w->mem, name));
        w->value = arena_format(w->mem, "json_extract(" STR_FMT ", " STR_FMT ")", STR_ARG(w->value),
                                STR_ARG(key));
        return w->is_json = true;
    }
    if (!contract_type_fields(w->mem, w->type, &names, &types))
        return fail(
            w, arena_c_string(
                   w->mem, arena_format(w->mem, "no property: what holds it is stored as " STR_FMT,
                                        STR_ARG(w->type))));
    for (size_t i = 0; i < names.len; i++)
        if (str_eq_nocase(names.at[i], name)) {
            w->value = arena_format(w->mem, "struct_extract(" STR_FMT ", " STR_FMT ")",
                                    STR_ARG(w->value), STR_ARG(check_literal(w->mem, names.at[i])));
            w->type = types.at[i];
            return true;
        }
    return fail(w, "not there");
}

static bool walk_into_elements(struct walk *w)
{
    struct check_spot *spot = w->spot;
    str list = w->value, element = contract_type_element(w->mem, w->type);
    if (str_eq(w->type, STR("JSON"))) {
        list = arena_format(w->mem,
                            "CASE WHEN json_type(" STR_FMT ") = 'ARRAY' THEN CAST(" STR_FMT
                            " AS JSON[]) END",
                            STR_ARG(list), STR_ARG(list));
        element = STR("JSON");
        w->is_json = true;
    } else if (!element.len)
        return fail(
            w, arena_c_string(
                   w->mem, arena_format(w->mem, "no element: what holds it is stored as " STR_FMT,
                                        STR_ARG(w->type))));
    else if (!str_ends(w->type, STR("[]")))
        list = arena_format(w->mem, "CAST(" STR_FMT " AS " STR_FMT "[])", STR_ARG(list),
                            STR_ARG(element));
    spot->element =
        arena_format(w->mem, "(SELECT unnest(" STR_FMT ") AS " ELEMENT "%s" STR_FMT ")",
                     STR_ARG(list), spot->element.len ? " FROM " : "", STR_ARG(spot->element));
    spot->from =
        arena_format(w->mem, "(SELECT unnest(" STR_FMT ") AS " ELEMENT " FROM " STR_FMT ")",
                     STR_ARG(list), STR_ARG(spot->from));
    spot->owner = STR_NONE;
    w->value = STR(ELEMENT);
    w->type = element;
    return true;
}

/* Digits of the second that a type of times holds; false where it is none. */
static bool second_digits(str type, int *out)
{
    static const struct {
        const char *type;
        int digits;
    } types[] = {{"TIME", 6},
                 {"TIME_NS", 9},
                 {"TIMESTAMP", 6},
                 {"TIMESTAMP_S", 0},
                 {"TIMESTAMP_MS", 3},
                 {"TIMESTAMP_NS", 9},
                 {"TIMESTAMP WITH TIME ZONE", 6},
                 {"TIME WITH TIME ZONE", 6}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_eq(type, str_of(types[i].type))) {
            *out = types[i].digits;
            return true;
        }
    return false;
}

#define DAY "[0-9]+[-/][0-9]{1,2}[-/][0-9]{1,2}"
#define ANY_OFFSET "[Zz]|UTC|[-+][0-9]{1,2}(?::?[0-9]{2})?"
#define NO_OFFSET "[Zz]|UTC|[-+]00(?::?00)?"

static str time_spelling(struct arena *mem, str type, int digits, const char *offset)
{
    const char *day = str_starts(type, STR("TIMESTAMP")) ? DAY : "";
    return arena_format(
        mem, "%s%s[0-9]{1,2}:[0-9]{1,2}(?::[0-9]{1,2}(?:\\.[0-9]{0,%d}0*)?)?(?: *(?:%s))?%s", day,
        *day ? "(?:[ T]+" : "", digits, offset, *day ? ")?" : "");
}

/* How texts are spelled that the engine casts to the type without a loss: it rounds numbers, and passes over what follows a date.
 * Empty: its cast says it by itself. */
static str spelling(struct arena *mem, str type)
{
    int digits;
    switch (check_class(type)) {
    case CHECK_FLOAT:
        return STR("[-+]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:[eE][-+]?[0-9]+)?");
    case CHECK_DATE:
        return STR(DAY);
    case CHECK_INTEGER:
    case CHECK_NUMBER:
        if (!str_starts(type, STR("DECIMAL(")))
            return STR("[-+]?[0-9]+(?:\\.0*)?(?:[eE]\\+?[0-9]+)?");
        return arena_format(mem, "[-+]?(?:[0-9]+(?:\\.[0-9]{0,%d}0*)?|\\.[0-9]{1,%d}0*)",
                            (int)check_scale(type), check_scale(type) ? (int)check_scale(type) : 1);
    default:
        return second_digits(type, &digits) ? time_spelling(
                   mem, type, digits, str_ends(type, STR("ZONE")) ? ANY_OFFSET : NO_OFFSET)
                                            : STR_NONE;
    }
}

/* Of a text that is spelled otherwise the engine extracts an empty one, which is no number and no time. */
static str cast_spelled(struct arena *mem, str text, str spelled, str type)
{
    str pattern =
        check_literal(mem, arena_format(mem, "\\A *(?:" STR_FMT ") *\\z", STR_ARG(spelled)));
    return arena_format(mem, "TRY_CAST(regexp_extract(" STR_FMT ", " STR_FMT ") AS " STR_FMT ")",
                        STR_ARG(text), STR_ARG(pattern), STR_ARG(type));
}

/* The digits of a number from the first to the last that is not 0, without sign, point and power of ten. */
static str digits_of(struct arena *mem, str number)
{
    return arena_format(
        mem, "regexp_replace(" STR_FMT ", '\\A *[-+]?[0.]*|[0.]*(?:[eE].*)?\\z|[.]', '', 'g')",
        STR_ARG(number));
}

/* Null where the text is none of the type, or would be another value of it. */
static str cast_exactly(struct arena *mem, str text, str type)
{
    str spelled = spelling(mem, type);
    if (!spelled.len)
        return arena_format(mem, "TRY_CAST(" STR_FMT " AS " STR_FMT ")", STR_ARG(text),
                            STR_ARG(type));
    str value = cast_spelled(mem, text, spelled, type);
    /* The engine's own cast to TIMESTAMP drops the offset. */
    if (str_eq(type, STR("TIMESTAMP")))
        return arena_format(mem, "coalesce(" STR_FMT ", timezone('UTC', " STR_FMT "))",
                            STR_ARG(value),
                            STR_ARG(cast_exactly(mem, text, STR("TIMESTAMP WITH TIME ZONE"))));
    if (!str_starts(type, STR("DECIMAL(")))
        return value;
    /* With a power of ten, as JSON spells the smallest and the largest: rounding would change their digits. */
    str number = cast_spelled(mem, text, STR("[-+]?[0-9]+\\.?[0-9]*[eE][-+]?[0-9]+"), type);
    str after = arena_format(mem, "CAST(" STR_FMT " AS VARCHAR)", STR_ARG(number));
    return arena_format(
        mem, "coalesce(" STR_FMT ", CASE WHEN " STR_FMT " = " STR_FMT " THEN " STR_FMT " END)",
        STR_ARG(value), STR_ARG(digits_of(mem, text)), STR_ARG(digits_of(mem, after)),
        STR_ARG(number));
}

/* Texts that stand for numbers and times are compared as such. */
static str read_text(struct walk *w, str text, str type)
{
    const struct contract_rule *rule = w->rule;
    struct contract_time_pattern pattern;
    str problem;
    if (rule->kind != RULE_OPTION || str_starts(type, STR("STRUCT(")) || str_ends(type, STR("]")))
        return STR_NONE;
    bool has_pattern =
        rule->format.len
        && (str_eq(rule->logical_type, STR("date")) || str_eq(rule->logical_type, STR("time"))
            || str_eq(rule->logical_type, STR("timestamp")))
        && contract_time_pattern(w->mem, rule->format, &pattern, &problem);
    if (has_pattern) {
        if (pattern.has_offset)
            text =
                arena_format(w->mem, "regexp_replace(" STR_FMT ", 'Z$', '+00:00')", STR_ARG(text));
        return arena_format(
            w->mem, "TRY_CAST(try_strptime(" STR_FMT ", " STR_FMT ") AS " STR_FMT ")",
            STR_ARG(text), STR_ARG(check_literal(w->mem, pattern.strptime)), STR_ARG(type));
    }
    return cast_exactly(w->mem, text, type);
}

static str compared_type(const struct contract_rule *rule)
{
    static const struct {
        const char *logical, *type;
    } types[] = {{"integer", "HUGEINT"},
                 {"number", "DOUBLE"},
                 {"date", "DATE"},
                 {"time", "TIME"},
                 {"timestamp", "TIMESTAMP"}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_eq(rule->logical_type, str_of(types[i].logical)))
            return str_of(types[i].type);
    return STR_NONE;
}

static bool end_walk(struct walk *w)
{
    struct check_spot *spot = w->spot;
    const struct contract_rule *rule = w->rule;
    bool is_nested =
        str_eq(rule->logical_type, STR("object")) || str_eq(rule->logical_type, STR("array"));
    if (w->is_json && !is_nested) {
        /* What JSON spells as null is none. */
        w->value = arena_format(w->mem, "(" STR_FMT " ->> '$')", STR_ARG(w->value));
        w->type = STR("VARCHAR");
    } else if (w->is_json)
        w->value = arena_format(w->mem, "nullif(" STR_FMT ", 'null'::JSON)", STR_ARG(w->value));
    spot->raw = spot->value = w->value;
    spot->type = w->type;
    str type = w->is_json && !is_nested && rule->type.len && !str_eq(rule->type, STR("JSON"))
                 ? rule->type
                 : compared_type(rule);
    if (!str_eq(w->type, STR("VARCHAR")) || !type.len || str_eq(type, STR("VARCHAR")))
        return true;
    str value = rule->kind == RULE_OPTION ? read_text(w, w->value, type)
              : w->is_json                ? cast_exactly(w->mem, w->value, type)
                                          : STR_NONE;
    if (value.len) {
        spot->value = value;
        spot->type = type;
    }
    return true;
}

bool check_spot(struct arena *mem, const struct contract_rule *rule,
                const struct job_columns *columns, str view, struct check_spot *out,
                str *problem_out)
{
    struct walk w = {.mem = mem, .rule = rule, .spot = out};
    str column = rule->path.len ? rule->path.at[0] : rule->columns.at[0];
    *out = (struct check_spot){.from = view};
    for (size_t i = 0; i < columns->len; i++)
        if (str_eq(columns->at[i].name, column))
            w.type = columns->at[i].type;
    w.value = check_identifier(mem, column);
    bool ok = w.type.len > 0;
    if (!ok)
        w.problem = arena_format(mem, "there is no column " STR_FMT, STR_ARG(column));
    for (size_t i = 1; ok && i < rule->path.len; i++)
        ok = rule->path.at[i].len ? walk_into_property(&w, rule->path.at[i])
                                  : walk_into_elements(&w);
    *problem_out = w.problem;
    return ok && end_walk(&w);
}
