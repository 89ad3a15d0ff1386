/* Do the facts of a file prove that a filter shows all of its rows, or none? When in doubt, a copy is made. */
#include <stdio.h>

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

static enum spelling spelling_of(str type, str literal)
{
    static const char *const integers[] = {"TINYINT", "SMALLINT", "INTEGER",   "BIGINT",
                                           "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
                                           "UBIGINT", "UHUGEINT", NULL};
    int64_t number;
    if (str_eq_nocase(type, STR("VARCHAR")))
        return SPELLING_BYTES;
    if (is_one_of(type, integers))
        return str_to_i64(literal, &number) ? SPELLING_INTEGER : SPELLING_UNKNOWN;
    if (str_eq_nocase(type, STR("DATE")))
        return is_plain_date(literal) ? SPELLING_BYTES : SPELLING_UNKNOWN;
    if (str_eq_nocase(type, STR("BOOLEAN")))
        return str_eq(literal, STR("true")) || str_eq(literal, STR("false")) ? SPELLING_BYTES
                                                                             : SPELLING_UNKNOWN;
    return SPELLING_UNKNOWN;
}

enum same { SAME, OTHER, UNKNOWN };

static enum same compare(str type, str fact, str literal)
{
    int64_t a, b;
    enum spelling spelling = spelling_of(type, literal);
    if (spelling == SPELLING_BYTES)
        return str_eq(fact, literal) ? SAME : OTHER;
    if (spelling == SPELLING_INTEGER && str_to_i64(literal, &b)) {
        if (str_to_i64(fact, &a))
            return a == b ? SAME : OTHER;
    }
    return UNKNOWN;
}

/* Is the fact one of the values? UNKNOWN when a comparison cannot be told and no other says yes. */
static enum same compare_all(const struct decision_filter *filter, str fact)
{
    enum same all = OTHER;
    for (size_t i = 0; i < filter->values.len && all != SAME; i++) {
        enum same one = compare(filter->column.type, fact, filter->values.at[i]);
        all = one == OTHER ? all : one;
    }
    return all;
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

static enum gate_proof prove_values(const struct image_file *file,
                                    const struct decision_filter *filter)
{
    /* A column that the file has not is NULL in every row, and NULL equals nothing. */
    if (filter->values.len == 0 || !has_column(file, filter->column.id))
        return GATE_ALL_HIDDEN;
    const struct image_fact *fact = find_fact(file, filter->column.id);
    if (!fact)
        return GATE_PROOF_NONE;
    if (fact->nulls >= file->rows)
        return GATE_ALL_HIDDEN;
    size_t same = 0, other = 0;
    size_t listed = fact->has_values ? fact->values.len : 0;
    for (size_t i = 0; i < listed; i++) {
        enum same found = compare_all(filter, fact->values.at[i]);
        same += found == SAME;
        other += found == OTHER;
    }
    if (!fact->has_values && fact->has_range && str_eq(fact->low, fact->high)) {
        enum same found = compare_all(filter, fact->low);
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

/* Of integers, and of dates of four digits, whose text goes in their order. False: cannot be told. */
static bool order_of(str type, str a, str b, int *out)
{
    int64_t left, right;
    enum spelling spelling = spelling_of(type, b);
    if (spelling == SPELLING_INTEGER && str_to_i64(a, &left) && str_to_i64(b, &right)) {
        *out = (left > right) - (left < right);
        return true;
    }
    if (!str_eq_nocase(type, STR("DATE")) || !is_plain_date(a) || !is_plain_date(b))
        return false;
    *out = str_compare(a, b);
    return true;
}

/* One bound against the least and the greatest value of the file: do all rows keep it, or none? */
static enum gate_proof prove_bound(const struct decision_filter *filter,
                                   const struct image_fact *fact, bool is_low)
{
    str bound = is_low ? filter->low : filter->high;
    bool is_open = is_low ? filter->low_is_open : filter->high_is_open;
    int least, greatest;
    if (!order_of(filter->column.type, fact->low, bound, &least)
        || !order_of(filter->column.type, fact->high, bound, &greatest))
        return GATE_PROOF_NONE;
    int nearest = is_low ? least : -greatest, farthest = is_low ? greatest : -least;
    if (is_open ? nearest > 0 : nearest >= 0)
        return GATE_ALL_VISIBLE;
    return (is_open ? farthest <= 0 : farthest < 0) ? GATE_ALL_HIDDEN : GATE_PROOF_NONE;
}

static enum gate_proof prove_range(const struct image_file *file,
                                   const struct decision_filter *filter)
{
    if (!has_column(file, filter->column.id))
        return GATE_ALL_HIDDEN;
    const struct image_fact *fact = find_fact(file, filter->column.id);
    if (!fact)
        return GATE_PROOF_NONE;
    if (fact->nulls >= file->rows)
        return GATE_ALL_HIDDEN;
    if (!fact->has_range)
        return GATE_PROOF_NONE;
    enum gate_proof low = filter->has_low ? prove_bound(filter, fact, true) : GATE_ALL_VISIBLE;
    enum gate_proof high = filter->has_high ? prove_bound(filter, fact, false) : GATE_ALL_VISIBLE;
    if (low == GATE_ALL_HIDDEN || high == GATE_ALL_HIDDEN)
        return GATE_ALL_HIDDEN;
    return low == GATE_ALL_VISIBLE && high == GATE_ALL_VISIBLE && fact->nulls == 0
             ? GATE_ALL_VISIBLE
             : GATE_PROOF_NONE;
}

static enum gate_proof prove_one(const struct image_file *file,
                                 const struct decision_filter *filter)
{
    switch (filter->form) {
    case FILTER_VALUES:
        return prove_values(file, filter);
    case FILTER_RANGE:
        return prove_range(file, filter);
    case FILTER_SQL:
        break;
    }
    return GATE_PROOF_NONE;
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

/* ---- by value */

/* Equal values have this one spelling: no row can be in the copies of two. */
static bool has_one_spelling(str type, str literal)
{
    char text[24];
    int64_t number;
    switch (spelling_of(type, literal)) {
    case SPELLING_BYTES:
        return true;
    case SPELLING_INTEGER:
        if (!str_to_i64(literal, &number))
            return false;
        return str_eq(literal,
                      (str){text, (size_t)snprintf(text, sizeof text, "%lld", (long long)number)});
    case SPELLING_UNKNOWN:
        break;
    }
    return false;
}

bool gate_is_by_value(const struct decision *decision, size_t files)
{
    if (decision->filters.len != 1 || decision->filters.at[0].form != FILTER_VALUES)
        return false;
    const struct decision_filter *filter = &decision->filters.at[0];
    if (filter->values.len > GATE_VALUES_MAX || filter->values.len * files > GATE_PATHS_MAX)
        return false;
    for (size_t i = 0; i < filter->values.len; i++)
        if (!has_one_spelling(filter->column.type, filter->values.at[i])
            || (i > 0 && str_compare(filter->values.at[i - 1], filter->values.at[i]) >= 0))
            return false;
    return filter->values.len > 0;
}

static bool is_listed(const struct str_list *sorted, str value)
{
    size_t low = 0, high = sorted->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(sorted->at[middle], value);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* The range of the file proves that no row has the value. Texts compare by their bytes, as the engine does. */
static bool is_out_of_range(const struct image_fact *fact, str type, str value)
{
    int below, above;
    if (!fact->has_range)
        return false;
    if (str_eq_nocase(type, STR("VARCHAR")))
        return str_compare(value, fact->low) < 0 || str_compare(value, fact->high) > 0;
    return order_of(type, fact->low, value, &below) && order_of(type, fact->high, value, &above)
        && (below > 0 || above < 0);
}

void gate_values_in(struct arena *mem, const struct image_file *file,
                    const struct decision_filter *filter, struct str_list *out)
{
    const struct image_fact *fact = find_fact(file, filter->column.id);
    *out = (struct str_list){0};
    if (!has_column(file, filter->column.id) || file->rows == 0
        || (fact && fact->nulls >= file->rows))
        return;
    if (fact && fact->has_values) {
        for (size_t i = 0; i < fact->values.len; i++)
            if (is_listed(&filter->values, fact->values.at[i]))
                str_list_add(mem, out, fact->values.at[i]);
        str_list_sort(out);
        return;
    }
    for (size_t i = 0; i < filter->values.len; i++)
        if (!fact || !is_out_of_range(fact, filter->column.type, filter->values.at[i]))
            vec_push(mem, out, filter->values.at[i]);
}

bool gate_shows_no_row(const struct decision *decision)
{
    for (size_t i = 0; i < decision->filters.len; i++)
        if (decision->filters.at[i].form == FILTER_VALUES
            && decision->filters.at[i].values.len == 0)
            return true;
    return false;
}
