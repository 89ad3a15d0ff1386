/* Do the facts of a file prove that a filter shows all of its rows, or none? When in doubt, a copy is made. */
#include "gate_inside.h"

/* How texts of a type are compared: only where equal values have one spelling, and the literal is spelt so. */
enum spelling { SPELLING_UNKNOWN, SPELLING_BYTES, SPELLING_INTEGER };

static bool is_one_of(str type, const char *const *types)
{
    for (; *types; types++)
        if (str_eq_nocase(type, str_of(*types)))
            return true;
    return false;
}

/* `2026-01-31`, as the engine prints a date of four digits. */
static bool is_plain_date(str text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool is_dash = i == 4 || i == 7;
        if (is_dash ? text.ptr[i] != '-' : text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    return text.len == 10;
}

static enum spelling spelling_of(const struct decision_filter *filter)
{
    static const char *const integers[] = {"TINYINT", "SMALLINT", "INTEGER",   "BIGINT",
                                           "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
                                           "UBIGINT", "UHUGEINT", NULL};
    int64_t number;
    if (str_eq_nocase(filter->type, STR("VARCHAR")))
        return SPELLING_BYTES;
    if (is_one_of(filter->type, integers))
        return str_to_i64(filter->literal, &number) ? SPELLING_INTEGER : SPELLING_UNKNOWN;
    if (str_eq_nocase(filter->type, STR("DATE")))
        return is_plain_date(filter->literal) ? SPELLING_BYTES : SPELLING_UNKNOWN;
    if (str_eq_nocase(filter->type, STR("BOOLEAN")))
        return str_eq(filter->literal, STR("true")) || str_eq(filter->literal, STR("false"))
                 ? SPELLING_BYTES
                 : SPELLING_UNKNOWN;
    return SPELLING_UNKNOWN;
}

enum same { SAME, OTHER, UNKNOWN };

static enum same compare(enum spelling spelling, str fact, str literal)
{
    int64_t a, b;
    if (spelling == SPELLING_BYTES)
        return str_eq(fact, literal) ? SAME : OTHER;
    if (spelling == SPELLING_INTEGER && str_to_i64(literal, &b)) {
        if (str_to_i64(fact, &a))
            return a == b ? SAME : OTHER;
    }
    return UNKNOWN;
}

static const struct image_fact *find_fact(const struct image_file *file, uint32_t column_id)
{
    for (size_t i = 0; i < file->facts.len; i++)
        if (file->facts.at[i].column_id == column_id)
            return &file->facts.at[i];
    return NULL;
}

static bool has_column(const struct image_file *file, uint32_t column_id)
{
    for (size_t i = 0; i < file->columns.len; i++)
        if (file->columns.at[i] == column_id)
            return true;
    return false;
}

static enum gate_proof prove_one(const struct image_file *file,
                                 const struct decision_filter *filter)
{
    /* A column that the file has not is NULL in every row, and NULL equals nothing. */
    if (!has_column(file, filter->column_id))
        return GATE_ALL_HIDDEN;
    const struct image_fact *fact = find_fact(file, filter->column_id);
    enum spelling spelling = spelling_of(filter);
    if (!fact)
        return GATE_PROOF_NONE;
    if (fact->nulls >= file->rows)
        return GATE_ALL_HIDDEN;
    size_t same = 0, other = 0;
    size_t listed = fact->has_values ? fact->values.len : 0;
    for (size_t i = 0; i < listed; i++) {
        enum same found = compare(spelling, fact->values.at[i], filter->literal);
        same += found == SAME;
        other += found == OTHER;
    }
    if (!fact->has_values && fact->has_range && str_eq(fact->low, fact->high)) {
        enum same found = compare(spelling, fact->low, filter->literal);
        same = found == SAME;
        other = found == OTHER;
        listed = 1;
    }
    if (listed == 0 || same + other < listed)
        return GATE_PROOF_NONE;
    if (same == 0)
        return GATE_ALL_HIDDEN;
    return other == 0 && fact->nulls == 0 ? GATE_ALL_VISIBLE : GATE_PROOF_NONE;
}

enum gate_proof gate_prove(const struct image_file *file, const struct decision *decision)
{
    if (file->rows == 0)
        return GATE_ALL_HIDDEN;
    enum gate_proof all = GATE_ALL_VISIBLE;
    for (size_t i = 0; i < decision->filters.len; i++) {
        enum gate_proof one = prove_one(file, &decision->filters.at[i]);
        if (one == GATE_ALL_HIDDEN)
            return GATE_ALL_HIDDEN;
        if (one == GATE_PROOF_NONE)
            all = GATE_PROOF_NONE;
    }
    return all;
}
