#include "check/check_inside.h"

static bool is_among(str type, const char *const *names)
{
    for (; *names; names++)
        if (str_eq(type, str_of(*names)))
            return true;
    return false;
}

enum check_class check_class(str type)
{
    static const char *const integers[] = {"TINYINT",   "SMALLINT", "INTEGER", "BIGINT", "UTINYINT",
                                           "USMALLINT", "UINTEGER", "UBIGINT", NULL};
    static const char *const scalars[] = {"BOOLEAN",
                                          "UUID",
                                          "BIT",
                                          "TIME",
                                          "TIME_NS",
                                          "TIMESTAMP",
                                          "TIMESTAMP_S",
                                          "TIMESTAMP_MS",
                                          "TIMESTAMP_NS",
                                          "TIMESTAMP WITH TIME ZONE",
                                          "TIME WITH TIME ZONE",
                                          NULL};
    if (is_among(type, integers))
        return CHECK_INTEGER;
    if (str_ends(type, STR("]")))
        return CHECK_OPAQUE;
    if (str_eq(type, STR("HUGEINT")) || str_eq(type, STR("UHUGEINT"))
        || str_starts(type, STR("DECIMAL(")))
        return CHECK_NUMBER;
    if (str_eq(type, STR("FLOAT")) || str_eq(type, STR("DOUBLE")))
        return CHECK_FLOAT;
    if (str_eq(type, STR("DATE")))
        return CHECK_DATE;
    if (str_eq(type, STR("VARCHAR")))
        return CHECK_TEXT;
    return is_among(type, scalars) ? CHECK_SCALAR : CHECK_OPAQUE;
}

int64_t check_scale(str type)
{
    str precision, scale;
    int64_t digits;
    if (!str_starts(type, STR("DECIMAL(")) || !str_cut(type, ',', &precision, &scale))
        return 0;
    scale = str_trim(str_sub(scale, 0, str_find(scale, STR(")"))));
    return str_to_i64(scale, &digits) ? digits : 0;
}
