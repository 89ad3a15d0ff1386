/* Which values fail a rule that judges each by itself. */
#include "check/check_inside.h"
#include "check/check_machine.h"
#include "limits/limits.h"

str check_literal(struct arena *mem, str text)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX);
    return buf_add_literal(b, text) ? buf_str(b) : STR_NONE;
}

/* A number that the type cannot hold would be rounded by the cast and then equal another value. */
static bool fits_type(const struct tree *value, str text, str type)
{
    struct contract_number number;
    switch (check_class(type)) {
    case CHECK_INTEGER:
    case CHECK_NUMBER:
        return contract_number_read(text, &number)
            && check_number_places(&number) <= (size_t)check_scale(type);
    case CHECK_DATE: /* A time of the day would be cut off. */
        return !str_has(text, ':');
    case CHECK_FLOAT:
        return value->quoted || contract_number_read(text, &number);
    default:
        return true;
    }
}

static void add_value(struct arena *mem, struct buf *b, const struct tree *value, str type)
{
    bool is_text = check_class(type) == CHECK_TEXT || check_class(type) == CHECK_OPAQUE;
    int64_t whole;
    str text = value->text;
    /* 0x1F is 31 in YAML. */
    if (!is_text && tree_is_int(value, &whole))
        text = arena_format(mem, "%lld", (long long)whole);
    if (!is_text && !fits_type(value, text, type))
        return;
    buf_add(b, b->len ? STR(", ") : STR(""));
    buf_add(b, is_text ? STR("") : STR("TRY_CAST("));
    buf_add_literal(b, text);
    if (!is_text)
        buf_format(b, " AS " STR_FMT ")", STR_ARG(type));
}

/* `column IN (…)`, or `false` where no listed value fits the column. */
static str values_text(struct arena *mem, const struct contract_rule *rule, str name, str type)
{
    struct buf *list = buf_new(mem, SQL_BYTES_MAX);
    for (size_t i = 0; i < rule->values.len; i++)
        if (!tree_is_null(rule->values.at[i]))
            add_value(mem, list, rule->values.at[i], type);
    if (list->full)
        return STR_NONE;
    if (!list->len)
        return STR("false");
    return check_class(type) == CHECK_OPAQUE
             ? arena_format(mem, "CAST(" STR_FMT " AS VARCHAR) IN (" STR_FMT ")", STR_ARG(name),
                            STR_ARG(buf_str(list)))
             : arena_format(mem, STR_FMT " IN (" STR_FMT ")", STR_ARG(name),
                            STR_ARG(buf_str(list)));
}

/* Anchored at both ends whichever way it matches: then the engine's full match says the same, and asks equal values of a
 * file's dictionary once. */
static bool is_of_whole(str spelled)
{
    size_t slashes = 0;
    if (!str_starts(spelled, STR("\\A")) || !str_ends(spelled, STR("\\z")) || str_has(spelled, '|'))
        return false;
    for (size_t i = spelled.len - 1; i > 0 && spelled.ptr[i - 1] == '\\'; i--)
        slashes++;
    return slashes % 2 == 1;
}

/* A table of states answers several times faster than the engine's matcher, which is asked where the table does not know. */
static str match_text(struct arena *mem, str value, str spelled, str literal)
{
    struct arena_mark mark = arena_mark(mem);
    bool has_machine = check_machine_make(spelled, ARENA_NEW(mem, struct check_machine));
    arena_rewind(mem, mark);
    str matches = arena_format(mem, "%s(" STR_FMT ", " STR_FMT ")",
                               is_of_whole(spelled) ? "regexp_full_match" : "regexp_matches",
                               STR_ARG(value), STR_ARG(literal));
    return has_machine
             ? arena_format(mem, "coalesce(weft_matches(" STR_FMT ", " STR_FMT "), " STR_FMT ")",
                            STR_ARG(value), STR_ARG(literal), STR_ARG(matches))
             : matches;
}

bool check_mismatch(struct arena *mem, str pattern, str value, str type, str *out,
                    bool *is_large_out, str *problem_out)
{
    str spelled;
    if (!check_pattern(mem, pattern, &spelled, is_large_out, problem_out))
        return false;
    str literal = check_literal(mem, spelled);
    if (!literal.len) {
        *problem_out = STR("its pattern is too long");
        return false;
    }
    if (check_class(type) != CHECK_TEXT)
        value = arena_format(mem, "CAST(" STR_FMT " AS VARCHAR)", STR_ARG(value));
    *out = arena_format(mem, "NOT " STR_FMT, STR_ARG(match_text(mem, value, spelled, literal)));
    return true;
}

static bool find_values(struct arena *mem, const struct contract_rule *rule,
                        const struct check_spot *spot, str *out, str *problem_out)
{
    *out = values_text(mem, rule, spot->value, spot->type);
    if (!out->len)
        *problem_out =
            arena_format(mem, "its list of values is longer than %d bytes", SQL_BYTES_MAX);
    return out->len > 0;
}

static str null_test(struct arena *mem, const struct check_spot *spot)
{
    return spot->owner.len ? arena_format(mem, STR_FMT " IS NOT NULL AND " STR_FMT " IS NULL",
                                          STR_ARG(spot->owner), STR_ARG(spot->raw))
                           : arena_format(mem, STR_FMT " IS NULL", STR_ARG(spot->raw));
}

static bool missing_test(struct arena *mem, const struct contract_rule *rule,
                         const struct check_spot *spot, str *out, str *problem_out)
{
    str values;
    bool has_null = false;
    for (size_t i = 0; i < rule->values.len; i++)
        has_null = has_null || tree_is_null(rule->values.at[i]);
    if (!find_values(mem, rule, spot, &values, problem_out))
        return false;
    *out = has_null ? arena_format(mem, STR_FMT " OR " STR_FMT, STR_ARG(null_test(mem, spot)),
                                   STR_ARG(values))
                    : values;
    return true;
}

static bool invalid_test(struct arena *mem, const struct contract_rule *rule,
                         const struct check_spot *spot, str *out, bool *is_large_out,
                         str *problem_out)
{
    str values = STR_NONE, pattern = STR_NONE;
    if (!rule->has_values && !rule->pattern.len) {
        *problem_out = STR("it has neither validValues nor a pattern");
        return false;
    }
    if (rule->pattern.len
        && !check_mismatch(mem, rule->pattern, spot->raw,
                           str_eq(spot->raw, spot->value) ? spot->type : STR("VARCHAR"), &pattern,
                           is_large_out, problem_out))
        return false;
    if (rule->has_values) {
        if (!find_values(mem, rule, spot, &values, problem_out))
            return false;
        /* A value that no type could hold makes a null among the listed: then IN is null where it should be false. */
        values = arena_format(mem, "(" STR_FMT ") IS NOT TRUE", STR_ARG(values));
    }
    *out =
        arena_format(mem, STR_FMT " IS NOT NULL AND (" STR_FMT "%s" STR_FMT ")", STR_ARG(spot->raw),
                     STR_ARG(values), values.len && pattern.len ? " OR " : "", STR_ARG(pattern));
    return true;
}

/* What is stored as text, and is none of its type, does not meet what is asked of that type. */
static bool option_test(struct arena *mem, const struct contract_rule *rule,
                        const struct check_spot *spot, str *out, bool *is_large_out,
                        str *problem_out)
{
    if (!check_option(mem, rule, spot, out, is_large_out, problem_out))
        return false;
    if (!str_eq(spot->raw, spot->value))
        *out = arena_format(mem, STR_FMT " IS NOT NULL AND (" STR_FMT " IS NULL OR " STR_FMT ")",
                            STR_ARG(spot->raw), STR_ARG(spot->value), STR_ARG(*out));
    return true;
}

bool check_failing(struct arena *mem, const struct contract_rule *rule,
                   const struct check_spot *spot, str *out, bool *is_large_out, str *problem_out)
{
    *is_large_out = false;
    switch (rule->kind) {
    case RULE_NULL_VALUES:
    case RULE_REQUIRED:
        *out = null_test(mem, spot);
        return true;
    case RULE_MISSING_VALUES:
        return missing_test(mem, rule, spot, out, problem_out);
    case RULE_INVALID_VALUES:
        return invalid_test(mem, rule, spot, out, is_large_out, problem_out);
    case RULE_OPTION:
        return option_test(mem, rule, spot, out, is_large_out, problem_out);
    default:
        *problem_out = STR("it does not judge each value by itself");
        return false;
    }
}
