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

static bool walk_into_property(struct walk *w, str name)
{
    struct str_list names = {0}, types = {0};
    w->spot->owner = w->value;
    if (str_eq(w->type, STR("JSON"))) {
        /* In JSON a null is a value: such an object is none. */
        w->spot->owner =
            arena_format(w->mem, "CASE WHEN json_type(" STR_FMT ") = 'OBJECT' THEN " STR_FMT " END",
                         STR_ARG(w->value), STR_ARG(w->value));
        str key = check_literal(w->mem, arena_format(w->mem, "/" STR_FMT, STR_ARG(name)));
        if (str_has(name, '/') || str_has(name, '~'))
            return fail(w, "a property of JSON whose name holds / or ~");
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
        text = arena_format(w->mem, "try_strptime(" STR_FMT ", " STR_FMT ")", STR_ARG(text),
                            STR_ARG(check_literal(w->mem, pattern.strptime)));
    }
    return arena_format(w->mem, "TRY_CAST(" STR_FMT " AS " STR_FMT ")", STR_ARG(text),
                        STR_ARG(type));
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
              : w->is_json ? arena_format(w->mem, "TRY_CAST(" STR_FMT " AS " STR_FMT ")",
                                          STR_ARG(w->value), STR_ARG(type))
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
