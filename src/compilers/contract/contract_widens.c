#include "contract/contract_inside.h"

/* Digits of the largest value, and bits that a floating point number would have to keep. */
static const struct {
    const char *name;
    bool is_signed;
    int bytes, digits;
} integers[] = {
    {"TINYINT", true, 1, 3},     {"SMALLINT", true, 2, 5},   {"INTEGER", true, 4, 10},
    {"BIGINT", true, 8, 19},     {"HUGEINT", true, 16, 39},  {"UTINYINT", false, 1, 3},
    {"USMALLINT", false, 2, 5},  {"UINTEGER", false, 4, 10}, {"UBIGINT", false, 8, 20},
    {"UHUGEINT", false, 16, 39},
};

static const struct {
    const char *from, *to;
} others[] = {
    {"FLOAT", "DOUBLE"},          {"DATE", "TIMESTAMP"},         {"TIMESTAMP_S", "TIMESTAMP_MS"},
    {"TIMESTAMP_S", "TIMESTAMP"}, {"TIMESTAMP_MS", "TIMESTAMP"},
};

static int find_integer(str name)
{
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++)
        if (str_eq(name, str_of(integers[i].name)))
            return (int)i;
    return -1;
}

static bool integer_widens(int from, const struct type_node *to)
{
    if (to->kind == TYPE_DECIMAL)
        return to->precision - to->scale >= integers[from].digits;
    if (str_eq(to->name, STR("FLOAT")))
        return integers[from].bytes <= 2;
    if (str_eq(to->name, STR("DOUBLE")))
        return integers[from].bytes <= 4;
    int wider = find_integer(to->name);
    if (wider < 0 || (integers[from].is_signed && !integers[wider].is_signed))
        return false;
    return integers[from].is_signed == integers[wider].is_signed
             ? integers[from].bytes <= integers[wider].bytes
             : integers[from].bytes < integers[wider].bytes;
}

static bool parts_widen(const struct type_node *from, const struct type_node *to)
{
    if (from->parts.len != to->parts.len)
        return false;
    for (size_t i = 0; i < from->parts.len; i++) {
        if (from->kind == TYPE_STRUCT && !str_eq_nocase(from->fields.at[i], to->fields.at[i]))
            return false;
        if (!contract_type_fits(from->parts.at[i], to->parts.at[i]))
            return false;
    }
    return true;
}

bool contract_type_fits(const struct type_node *from, const struct type_node *to)
{
    if (from->kind == TYPE_DECIMAL && to->kind == TYPE_DECIMAL)
        return to->scale >= from->scale
            && to->precision - to->scale >= from->precision - from->scale;
    if (from->kind == TYPE_ARRAY && to->kind == TYPE_LIST)
        return parts_widen(from, to);
    if (from->kind == TYPE_SCALAR && (to->kind == TYPE_SCALAR || to->kind == TYPE_DECIMAL)) {
        if (to->kind == TYPE_SCALAR && str_eq(from->name, to->name))
            return true;
        int integer = find_integer(from->name);
        if (integer >= 0)
            return integer_widens(integer, to);
        for (size_t i = 0; to->kind == TYPE_SCALAR && i < sizeof others / sizeof *others; i++)
            if (str_eq(from->name, str_of(others[i].from))
                && str_eq(to->name, str_of(others[i].to)))
                return true;
        return false;
    }
    return from->kind == to->kind && from->kind != TYPE_SCALAR && from->length == to->length
        && parts_widen(from, to);
}

/* Of two types of one form. */
static bool has_same_names(const struct type_node *from, const struct type_node *to)
{
    for (size_t i = 0; i < from->parts.len && i < to->parts.len; i++)
        if ((from->kind == TYPE_STRUCT && !str_eq(from->fields.at[i], to->fields.at[i]))
            || !has_same_names(from->parts.at[i], to->parts.at[i]))
            return false;
    return true;
}

bool contract_type_extends(str from, str to)
{
    struct arena *mem = arena_new();
    struct type_node *narrow, *wide;
    str problem;
    bool extends = contract_type_widens(from, to)
                && (contract_type_read(mem, from, &narrow, &problem) != TYPE_READ
                    || contract_type_read(mem, to, &wide, &problem) != TYPE_READ
                    || has_same_names(narrow, wide));
    arena_free(mem);
    return extends;
}

bool contract_type_widens(str from, str to)
{
    if (str_eq(from, to))
        return true;
    struct arena *mem = arena_new();
    struct type_node *narrow, *wide;
    str problem;
    bool widens = contract_type_read(mem, to, &wide, &problem) == TYPE_READ
               && (str_eq(from, STR("\"NULL\"")) || str_eq(from, STR("NULL"))
                   || (contract_type_read(mem, from, &narrow, &problem) == TYPE_READ
                       && contract_type_fits(narrow, wide)));
    arena_free(mem);
    return widens;
}
