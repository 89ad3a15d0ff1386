/* What a type of times would drop of a text. */
#include "source_inside.h"

/* How many digits of a second a type keeps. */
static int64_t source_second_digits(str type)
{
    return str_eq(type, STR("TIMESTAMP_S"))  ? 0
         : str_eq(type, STR("TIMESTAMP_MS")) ? 3
         : str_eq(type, STR("TIMESTAMP_NS")) ? 9
                                             : 6;
}

bool source_is_zoned_type(str type)
{
    return str_eq(type, STR("TIMESTAMP WITH TIME ZONE"));
}

str source_quick_time_guard(struct arena *mem, str type, str value)
{
    str digits = arena_format(
        mem, "(NOT contains(%.*s, '.') OR strlen(%.*s) - strpos(%.*s, '.') <= %lld)",
        STR_ARG(value), STR_ARG(value), STR_ARG(value), (long long)source_second_digits(type));

    if (source_is_zoned_type(type)) {
        return digits;
    }
    /* Behind the month of a date there is no sign but that of an offset. */
    return arena_format(
        mem, "(%.*s AND NOT contains(%.*s, '+') AND NOT contains(substr(%.*s, %d), '-'))",
        STR_ARG(digits), STR_ARG(value), STR_ARG(value), str_eq(type, STR("TIME")) ? 1 : 9);
}

/* Where the type has no zone, the engine drops an offset: only that of UTC changes nothing. */
str source_time_guard(struct arena *mem, str type)
{
    long long digits = source_second_digits(type);

    if (source_is_zoned_type(type)) {
        return arena_format(mem, "'[^.]*(\\.[0-9]{0,%lld}0*([^0-9].*)?)?'", digits);
    }
    return arena_format(mem, "'%s(:[0-9]{1,2})*(\\.[0-9]{0,%lld}0*)?( *(Z|UTC|[-+]00(:?00)?))? *'",
                        str_eq(type, STR("TIME")) ? " *[0-9]{1,2}" : "[^:]*", digits);
}
