/* Entries of logicalTypeOptions as tests of one value. */
#include "check/check_inside.h"
#include "contract/contract_time.h"
#include "limits/limits.h"

enum { DECIMAL_DIGITS_MAX = 38 };

struct option_test {
    struct arena *mem;
    const struct contract_rule *rule;
    const struct check_spot *spot;
    str value, type;
    bool is_large;
    str problem;
};

static const struct {
    const char *type, *low, *high;
} ranges[] = {
    {"TINYINT", "-128", "127"},
    {"SMALLINT", "-32768", "32767"},
    {"INTEGER", "-2147483648", "2147483647"},
    {"BIGINT", "-9223372036854775808", "9223372036854775807"},
    {"HUGEINT", "-170141183460469231731687303715884105728",
     "170141183460469231731687303715884105727"},
    {"UTINYINT", "0", "255"},
    {"USMALLINT", "0", "65535"},
    {"UINTEGER", "0", "4294967295"},
    {"UBIGINT", "0", "18446744073709551615"},
    {"UHUGEINT", "0", "340282366920938463463374607431768211455"},
};

static const struct {
    const char *name, *regex, *also;
} formats[] = {
#define STRING_FORMAT(name, regex, also) {name, regex, also},
#include "contract/string_formats.def"
#undef STRING_FORMAT
};

static str always(const struct option_test *o)
{
    return arena_format(o->mem, STR_FMT " IS NOT NULL", STR_ARG(o->value));
}

static str text_of(const struct option_test *o)
{
    return str_eq(o->type, STR("VARCHAR"))
             ? o->value
             : arena_format(o->mem, "CAST(" STR_FMT " AS VARCHAR)", STR_ARG(o->value));
}

/* Digits before the point that a DECIMAL holds, and those of all. */
static int64_t decimal_precision(str type)
{
    str inside = str_from(type, str_find(type, STR("(")) + 1), precision, rest;
    int64_t digits = 0;
    (void)str_cut(inside, ',', &precision, &rest);
    (void)str_to_i64(str_trim(precision), &digits);
    return digits;
}

/* -1: the number is below all that the type holds, 1: above. */
static int out_of_range(const struct option_test *o, str text)
{
    struct contract_number number, low, high;
    str low_text = STR_NONE, high_text = STR_NONE;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (str_eq(o->type, str_of(ranges[i].type))) {
            low_text = str_of(ranges[i].low);
            high_text = str_of(ranges[i].high);
        }
    if (!low_text.len) {
        int64_t whole = decimal_precision(o->type) - check_scale(o->type);
        high_text = arena_format(o->mem, "1e%lld", (long long)whole);
        low_text = arena_format(o->mem, "-1e%lld", (long long)whole);
    }
    if (!contract_number_read(text, &number) || !contract_number_read(low_text, &low)
        || !contract_number_read(high_text, &high))
        return 0;
    bool is_open = check_class(o->type) == CHECK_NUMBER && str_starts(o->type, STR("DECIMAL("));
    int below = contract_number_compare(&number, &low),
        above = contract_number_compare(&number, &high);
    return below < 0 || (is_open && below == 0) ? -1 : above > 0 || (is_open && above == 0) ? 1 : 0;
}

/* The bound is brought to the type without changing what it says of the type's values, so that these need no cast. */
static str number_test(struct option_test *o, str bound, bool is_lower, bool is_exclusive)
{
    struct contract_number number;
    if (!contract_number_read(bound, &number)) {
        o->problem = STR("what it compares with is no number");
        return STR_NONE;
    }
    if (check_class(o->type) == CHECK_FLOAT) {
        str literal = arena_format(o->mem, "CAST('" STR_FMT "' AS " STR_FMT ")", STR_ARG(bound),
                                   STR_ARG(o->type));
        return arena_format(o->mem, "(isnan(" STR_FMT ") OR " STR_FMT " %s%s " STR_FMT ")",
                            STR_ARG(o->value), STR_ARG(o->value), is_lower ? "<" : ">",
                            is_exclusive ? "=" : "", STR_ARG(literal));
    }
    /* x >= 1.5 is x >= 2 for whole numbers, and x > 1.5 is x > 1. */
    str text = check_number_round(o->mem, &number, check_scale(o->type), is_lower != is_exclusive);
    int range = out_of_range(o, text);
    if (range)
        return (range > 0) == is_lower ? always(o) : STR("false");
    return arena_format(o->mem, STR_FMT " %s%s CAST('" STR_FMT "' AS " STR_FMT ")",
                        STR_ARG(o->value), is_lower ? "<" : ">", is_exclusive ? "=" : "",
                        STR_ARG(text), STR_ARG(o->type));
}

/* What the type holds of a bound; if that is not all of it, none of its values lies between the two. */
static str cut_bound(const struct option_test *o, bool *is_cut_out)
{
    str bound = o->rule->low;
    size_t len = str_eq(o->type, STR("DATE"))         ? str_find(bound, STR(" "))
               : str_eq(o->type, STR("TIMESTAMP_S"))  ? str_find(bound, STR("."))
               : str_eq(o->type, STR("TIMESTAMP_MS")) ? str_find(bound, STR(".")) + 4
                                                      : bound.len;
    *is_cut_out = false;
    for (size_t i = len; i < bound.len; i++)
        *is_cut_out = *is_cut_out || (bound.ptr[i] >= '1' && bound.ptr[i] <= '9');
    return *is_cut_out ? str_sub(bound, 0, len) : bound;
}

static str time_literal(const struct option_test *o, str bound)
{
    const struct contract_rule *rule = o->rule;
    str low = check_literal(o->mem, bound);
    bool is_zoned = str_ends(o->type, STR("WITH TIME ZONE"));
    bool has_offset = str_ends(bound, STR("+00"));
    if (str_eq(o->type, STR("TIMESTAMP WITH TIME ZONE")) && !has_offset && rule->zone.len)
        return arena_format(o->mem, "timezone(" STR_FMT ", CAST(" STR_FMT " AS TIMESTAMP))",
                            STR_ARG(check_literal(o->mem, rule->zone)), STR_ARG(low));
    if (is_zoned && !has_offset)
        low = check_literal(o->mem, arena_format(o->mem, STR_FMT "+00", STR_ARG(bound)));
    if (!is_zoned && has_offset)
        low = check_literal(o->mem, str_sub(bound, 0, bound.len - 3));
    return arena_format(o->mem, "CAST(" STR_FMT " AS " STR_FMT ")", STR_ARG(low), STR_ARG(o->type));
}

static str bound_test(struct option_test *o, bool is_lower, bool is_exclusive)
{
    if (str_starts(o->type, STR("DATE")) || str_starts(o->type, STR("TIME"))) {
        bool is_cut;
        str bound = cut_bound(o, &is_cut);
        return arena_format(o->mem, STR_FMT " %s%s " STR_FMT, STR_ARG(o->value),
                            is_lower ? "<" : ">", (is_cut ? is_lower : is_exclusive) ? "=" : "",
                            STR_ARG(time_literal(o, bound)));
    }
    return number_test(o, o->rule->low, is_lower, is_exclusive);
}

static str float_multiple_test(const struct option_test *o)
{
    str value = arena_format(o->mem, "CAST(" STR_FMT " AS DOUBLE)", STR_ARG(o->value));
    str step = arena_format(o->mem, "CAST('" STR_FMT "' AS DOUBLE)", STR_ARG(o->rule->low));
    const char *unit = str_eq(o->type, STR("FLOAT")) ? "1e-6" : "1e-15";
    return arena_format(o->mem,
                        "(NOT isfinite(" STR_FMT ") OR abs(" STR_FMT " - round(" STR_FMT
                        " / " STR_FMT ") * " STR_FMT ") > greatest(" STR_FMT " * 1e-9, abs(" STR_FMT
                        ") * %s))",
                        STR_ARG(value), STR_ARG(value), STR_ARG(value), STR_ARG(step),
                        STR_ARG(step), STR_ARG(step), STR_ARG(value), unit);
}

/* Digits before the point of an exact type. */
static int64_t whole_digits(str type)
{
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (str_eq(type, str_of(ranges[i].type)))
            return (int64_t)str_of(ranges[i].high).len;
    return decimal_precision(type) - check_scale(type);
}

/* Exact: both as DECIMAL of the places that the finer of them has. */
static str multiple_test(struct option_test *o)
{
    struct contract_number step;
    if (!contract_number_read(o->rule->low, &step) || !contract_number_len(&step)) {
        o->problem = STR("what it compares with is no number");
        return STR_NONE;
    }
    if (check_class(o->type) == CHECK_FLOAT)
        return float_multiple_test(o);
    int64_t scale = check_scale(o->type), places = (int64_t)check_number_places(&step);
    if (!places && !scale) {
        str text = check_number_round(o->mem, &step, 0, true);
        if (out_of_range(o, text))
            return arena_format(o->mem, STR_FMT " <> 0", STR_ARG(o->value));
        return arena_format(o->mem, STR_FMT " %% CAST('" STR_FMT "' AS " STR_FMT ") <> 0",
                            STR_ARG(o->value), STR_ARG(text), STR_ARG(o->type));
    }
    int64_t finest = places > scale ? places : scale, whole = whole_digits(o->type);
    int64_t digits = whole + finest;
    if (finest > DECIMAL_DIGITS_MAX - 1) {
        o->problem = STR("it takes more digits behind the point than the engine has");
        return STR_NONE;
    }
    if (step.point > whole)
        return arena_format(o->mem, STR_FMT " <> 0", STR_ARG(o->value));
    str text = check_number_round(o->mem, &step, finest, true);
    if (digits <= DECIMAL_DIGITS_MAX) {
        str type = arena_format(o->mem, "DECIMAL(%lld,%lld)", (long long)digits, (long long)finest);
        return arena_format(
            o->mem, "CAST(" STR_FMT " AS " STR_FMT ") %% CAST('" STR_FMT "' AS " STR_FMT ") <> 0",
            STR_ARG(o->value), STR_ARG(type), STR_ARG(text), STR_ARG(type));
    }
    /* Of a number with more digits than the engine has, it cannot be told: it fails. */
    return arena_format(
        o->mem,
        STR_FMT " IS NOT NULL AND TRY(TRY_CAST(" STR_FMT " AS DECIMAL(38,%lld)) %% CAST('" STR_FMT
                "' AS DECIMAL(38,%lld))) IS DISTINCT FROM 0",
        STR_ARG(o->value), STR_ARG(o->value), (long long)finest, STR_ARG(text), (long long)finest);
}

static str length_test(const struct option_test *o)
{
    const char *sign = o->rule->option == RULE_MIN_LENGTH ? "<" : ">";
    bool is_bytes = str_eq(o->type, STR("BLOB"));
    str text = is_bytes ? o->value : text_of(o);
    str test =
        arena_format(o->mem, "%s(" STR_FMT ") %s " STR_FMT, is_bytes ? "octet_length" : "length",
                     STR_ARG(text), sign, STR_ARG(o->rule->low));
    if (is_bytes || o->rule->option == RULE_MIN_LENGTH)
        return test;
    /* No text has more characters than bytes, and of these the number is known. */
    return arena_format(
        o->mem, "CASE WHEN strlen(" STR_FMT ") <= " STR_FMT " THEN false ELSE " STR_FMT " END",
        STR_ARG(text), STR_ARG(o->rule->low), STR_ARG(test));
}

static str text_format_test(struct option_test *o)
{
    str text = text_of(o);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (!str_eq(o->rule->format, str_of(formats[i].name)))
            continue;
        str regex = check_literal(o->mem, str_of(formats[i].regex));
        str test = arena_format(o->mem, "NOT regexp_full_match(" STR_FMT ", " STR_FMT ")",
                                STR_ARG(text), STR_ARG(regex));
        str also = str_of(formats[i].also), before, after;
        if (!also.len)
            return test;
        (void)str_cut(also, '$', &before, &after);
        return arena_format(
            o->mem, STR_FMT " IS NOT NULL AND (" STR_FMT " OR NOT (" STR_FMT STR_FMT STR_FMT "))",
            STR_ARG(o->value), STR_ARG(test), STR_ARG(before), STR_ARG(text), STR_ARG(after));
    }
    o->problem = STR("weft does not know its format");
    return STR_NONE;
}

static str format_test(struct option_test *o)
{
    const struct contract_rule *rule = o->rule;
    struct contract_time_pattern pattern;
    if (rule->low.len)
        return arena_format(o->mem, "(" STR_FMT " OR " STR_FMT ")",
                            STR_ARG(number_test(o, rule->low, true, false)),
                            STR_ARG(number_test(o, rule->high, false, false)));
    if (str_eq(rule->logical_type, STR("string")))
        return text_format_test(o);
    /* That the text can be read at all is asked by check_failing; here that it is spelled as the pattern says. */
    if (!contract_time_pattern(o->mem, rule->format, &pattern, &o->problem))
        return STR_NONE;
    return arena_format(o->mem, "NOT regexp_matches(" STR_FMT ", " STR_FMT ")",
                        STR_ARG(o->spot->raw), STR_ARG(check_literal(o->mem, pattern.regex)));
}

static str property_count(const struct option_test *o)
{
    struct str_list names = {0}, types = {0};
    if (str_eq(o->type, STR("JSON")))
        return arena_format(o->mem, "len(json_keys(" STR_FMT "))", STR_ARG(o->value));
    if (!contract_type_fields(o->mem, o->type, &names, &types))
        return arena_format(o->mem, "cardinality(" STR_FMT ")", STR_ARG(o->value));
    struct buf *b = buf_new(o->mem, SQL_BYTES_MAX * 2);
    for (size_t i = 0; i < names.len; i++)
        buf_format(b, "%s(struct_extract(" STR_FMT ", " STR_FMT ") IS NOT NULL)::INTEGER",
                   i ? " + " : "", STR_ARG(o->value), STR_ARG(check_literal(o->mem, names.at[i])));
    return buf_str(b);
}

static str properties_test(const struct option_test *o)
{
    str test =
        arena_format(o->mem, STR_FMT " IS NOT NULL AND (" STR_FMT ") %s " STR_FMT,
                     STR_ARG(o->value), STR_ARG(property_count(o)),
                     o->rule->option == RULE_MIN_PROPERTIES ? "<" : ">", STR_ARG(o->rule->low));
    return str_eq(o->type, STR("JSON"))
             ? arena_format(o->mem, "(json_type(" STR_FMT ") <> 'OBJECT' OR (" STR_FMT "))",
                            STR_ARG(o->value), STR_ARG(test))
             : test;
}

static bool has_field(const struct option_test *o, str name)
{
    struct str_list names = {0}, types = {0};
    if (!contract_type_fields(o->mem, o->type, &names, &types))
        return true;
    for (size_t i = 0; i < names.len; i++)
        if (str_eq_nocase(names.at[i], name))
            return true;
    return false;
}

static str has_properties_test(struct option_test *o)
{
    struct buf *b = buf_new(o->mem, SQL_BYTES_MAX * 2);
    bool is_json = str_eq(o->type, STR("JSON")), is_map = str_starts(o->type, STR("MAP("));
    for (size_t i = 0; i < o->rule->values.len; i++) {
        str name = o->rule->values.at[i]->text;
        if (!has_field(o, name)) {
            o->problem = arena_format(o->mem, "there is no property " STR_FMT, STR_ARG(name));
            return STR_NONE;
        }
        if (is_json)
            name = check_pointer(o->mem, name);
        buf_format(b, "%s%s(" STR_FMT ", " STR_FMT ") IS NULL", i ? " OR " : "",
                   is_json  ? "json_extract_string"
                   : is_map ? "map_extract_value"
                            : "struct_extract",
                   STR_ARG(o->value), STR_ARG(check_literal(o->mem, name)));
    }
    return arena_format(o->mem, STR_FMT " IS NOT NULL AND (" STR_FMT ")", STR_ARG(o->value),
                        STR_ARG(buf_str(b)));
}

static str items_test(const struct option_test *o)
{
    bool is_json = str_eq(o->type, STR("JSON"));
    str list = o->value, test;
    if (is_json)
        list = arena_format(o->mem,
                            "CASE WHEN json_type(" STR_FMT ") = 'ARRAY' THEN CAST(" STR_FMT
                            " AS JSON[]) END",
                            STR_ARG(list), STR_ARG(list));
    else if (!str_ends(o->type, STR("[]")))
        list = arena_format(o->mem, "CAST(" STR_FMT " AS " STR_FMT "[])", STR_ARG(list),
                            STR_ARG(contract_type_element(o->mem, o->type)));
    test = o->rule->option == RULE_UNIQUE_ITEMS
             ? arena_format(o->mem, "list_unique(" STR_FMT ") < list_count(" STR_FMT ")",
                            STR_ARG(list), STR_ARG(list))
             : arena_format(o->mem, "len(" STR_FMT ") %s " STR_FMT, STR_ARG(list),
                            o->rule->option == RULE_MIN_ITEMS ? "<" : ">", STR_ARG(o->rule->low));
    return is_json ? arena_format(o->mem, "(json_type(" STR_FMT ") <> 'ARRAY' OR " STR_FMT ")",
                                  STR_ARG(o->value), STR_ARG(test))
                   : test;
}

static str option_test(struct option_test *o)
{
    str out = STR_NONE;
    switch (o->rule->option) {
    case RULE_MIN_LENGTH:
    case RULE_MAX_LENGTH:
        return length_test(o);
    case RULE_PATTERN:
        (void)check_mismatch(o->mem, o->rule->pattern, o->value, o->type, &out, &o->is_large,
                             &o->problem);
        return out;
    case RULE_FORMAT:
        return format_test(o);
    case RULE_MINIMUM:
    case RULE_EXCLUSIVE_MINIMUM:
        return bound_test(o, true, o->rule->option == RULE_EXCLUSIVE_MINIMUM);
    case RULE_MAXIMUM:
    case RULE_EXCLUSIVE_MAXIMUM:
        return bound_test(o, false, o->rule->option == RULE_EXCLUSIVE_MAXIMUM);
    case RULE_MULTIPLE_OF:
        return multiple_test(o);
    case RULE_MIN_PROPERTIES:
    case RULE_MAX_PROPERTIES:
        return properties_test(o);
    case RULE_HAS_PROPERTIES:
        return has_properties_test(o);
    case RULE_MIN_ITEMS:
    case RULE_MAX_ITEMS:
    case RULE_UNIQUE_ITEMS:
        return items_test(o);
    }
    return out;
}

bool check_option(struct arena *mem, const struct contract_rule *rule,
                  const struct check_spot *spot, str *out, bool *is_large_out, str *problem_out)
{
    struct option_test o = {
        .mem = mem, .rule = rule, .spot = spot, .value = spot->value, .type = spot->type};
    *out = option_test(&o);
    *is_large_out = o.is_large;
    *problem_out = o.problem;
    return !o.problem.len;
}
