/* Conditions to filters: values and ranges of one column where they are that, SQL where they are not. */
#include "clock/clock.h"
#include "limits/limits.h"
#include "policy/policy_inside.h"

struct filtering {
    struct arena *mem;
    const struct policy *policy;
    const struct expression_scope *scope;
    struct decision *out;
};

typedef const struct policy_expression *node;

static bool is_binary(node e, const char *sign)
{
    return e->kind == EXPRESSION_BINARY && str_eq(e->text, str_of(sign));
}

/* A column of the table itself, not a field in it. */
static const struct policy_column *plain_column(const struct filtering *f, node e)
{
    return e->kind == EXPRESSION_COLUMN && e->parts.len == 1
             ? policy_find_column(f->scope->table, e->parts.at[0])
             : NULL;
}

/* Appends the one value of a literal or attribute; none for a null. False for anything else. */
static bool take_scalar(const struct filtering *f, node e, struct str_list *values)
{
    size_t before = values->len;
    return e->kind != EXPRESSION_ENTITLED && e->kind != EXPRESSION_LIST
        && !policy_is_list(f->mem, e, f->scope)
        && policy_expression_values(f->mem, e, f->scope, values) && values->len <= before + 1;
}

/* `column = x`, `column IN (…)`, `column = ANY(list)`, entitlements, and ORs of these on one column. */
static bool take_values(const struct filtering *f, node e, const struct policy_column **column,
                        struct str_list *values)
{
    const struct policy_column *found = NULL;
    bool ok = false;
    if (is_binary(e, "OR"))
        return take_values(f, e->children.at[0], column, values)
            && take_values(f, e->children.at[1], column, values);
    if (is_binary(e, "=")) {
        bool is_left = plain_column(f, e->children.at[0]) != NULL;
        found = plain_column(f, e->children.at[is_left ? 0 : 1]);
        ok = take_scalar(f, e->children.at[is_left ? 1 : 0], values);
    } else if (e->kind == EXPRESSION_ENTITLED && !e->is_negated) {
        found = plain_column(f, e->children.at[0]);
        ok = policy_expression_values(f->mem, e, f->scope, values);
    } else if (e->kind == EXPRESSION_ANY) {
        found = plain_column(f, e->children.at[0]);
        ok = policy_expression_values(f->mem, e->children.at[1], f->scope, values);
    } else if (e->kind == EXPRESSION_IN && !e->is_negated) {
        found = plain_column(f, e->children.at[0]);
        ok = true;
        for (size_t i = 1; ok && i < e->children.len; i++)
            ok = take_scalar(f, e->children.at[i], values)
              || (policy_is_list(f->mem, e->children.at[i], f->scope)
                  && policy_expression_values(f->mem, e->children.at[i], f->scope, values));
    }
    if (!ok || !found || !policy_has_values(found->type) || (*column && *column != found))
        return false;
    *column = found;
    return true;
}

static struct filter_column column_of(const struct policy_column *column)
{
    return (struct filter_column){.id = column->id, .name = column->name, .type = column->type};
}

static bool add_values(const struct filtering *f, node e)
{
    const struct policy_column *column = NULL;
    struct str_list values = {0};
    if (!take_values(f, e, &column, &values))
        return false;
    struct decision_filter *filter = vec_add(f->mem, &f->out->filters);
    filter->form = FILTER_VALUES;
    filter->column = column_of(column);
    str_list_sort(&values);
    for (size_t i = 0; i < values.len; i++) {
        bool is_first = i == 0 || !str_eq(values.at[i], values.at[i - 1]);
        /* What is no value of the column's type equals none, and a cast might round it to one. While nobody asks, plan wants to
         * see such literals. */
        if (is_first && (!f->scope->actor || policy_value_fits(column->type, values.at[i])))
            vec_push(f->mem, &filter->values, values.at[i]);
    }
    return true;
}

static bool add_range(const struct filtering *f, node e)
{
    static const struct {
        const char *sign;
        bool is_low, is_open;
    } signs[] = {{">", true, true}, {">=", true, false}, {"<", false, true}, {"<=", false, false}};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (!is_binary(e, signs[i].sign))
            continue;
        const struct policy_column *column = plain_column(f, e->children.at[0]);
        bool is_left = column != NULL;
        struct str_list values = {0};
        if (!column)
            column = plain_column(f, e->children.at[1]);
        if (!column || !take_scalar(f, e->children.at[is_left ? 1 : 0], &values) || values.len == 0
            || !policy_value_fits(column->type, values.at[0]))
            return false;
        str value = values.at[0];
        struct decision_filter *filter = vec_add(f->mem, &f->out->filters);
        filter->form = FILTER_RANGE;
        filter->column = column_of(column);
        if (signs[i].is_low == is_left) {
            filter->has_low = true;
            filter->low = value;
            filter->low_is_open = signs[i].is_open;
        } else {
            filter->has_high = true;
            filter->high = value;
            filter->high_is_open = signs[i].is_open;
        }
        return true;
    }
    return false;
}

static void add_sql(const struct filtering *f, node e)
{
    struct decision_filter *filter = vec_add(f->mem, &f->out->filters);
    struct buf *b =
        buf_new(f->mem, CLEARING_SQL_BYTES_MAX + 1); /* one byte more is too long: policy_decide */
    struct str_list names = {0};
    filter->form = FILTER_SQL;
    policy_expression_sql(f->mem, e, f->scope, b);
    filter->sql = buf_str(b);
    policy_expression_columns(f->mem, e, &names);
    for (size_t i = 0; i < f->scope->table->column_count; i++) {
        const struct policy_column *column = &f->scope->table->columns[i];
        for (size_t k = 0; k < names.len; k++)
            if (str_eq_nocase(names.at[k], column->name)) {
                vec_push(f->mem, &filter->columns, column_of(column));
                break;
            }
    }
}

static void add_filters(const struct filtering *f, node e)
{
    if (is_binary(e, "AND")) {
        add_filters(f, e->children.at[0]);
        add_filters(f, e->children.at[1]);
    } else if (!add_values(f, e) && !add_range(f, e)) {
        add_sql(f, e);
    }
}

bool policy_filters(struct arena *mem, const struct policy *policy,
                    const struct expression_scope *scope, struct decision *out, str *why_out)
{
    struct filtering f = {.mem = mem, .policy = policy, .scope = scope, .out = out};
    struct str_list names = {0};
    policy_expression_columns(mem, policy->condition, &names);
    for (size_t i = 0; i < names.len; i++)
        if (!policy_find_column(scope->table, names.at[i])) {
            /* A past release without the column: which rows are meant cannot be told any more. */
            *why_out = arena_format(
                mem, "rows are shown where " STR_FMT ", and there is no column " STR_FMT,
                STR_ARG(policy->where), STR_ARG(names.at[i]));
            return false;
        } else if (str_eq_nocase(names.at[i], STR("file_row_number"))) {
            /* What is cleared keeps its order by the engine's column of that name: it would be put in the order of values that may
             * be hidden. */
            *why_out = arena_format(mem,
                                    "rows are shown where " STR_FMT
                                    ", and no condition may ask for a column file_row_number",
                                    STR_ARG(policy->where));
            return false;
        }
    add_filters(&f, policy->condition);
    return true;
}

/* ---- values */

/* What a literal must look like to be compared with a column. */
enum literal {
    LITERAL_NONE,
    LITERAL_TEXT,
    LITERAL_INTEGER,
    LITERAL_NUMBER,
    LITERAL_BOOL,
    LITERAL_DATE,
    LITERAL_TIME
};

static enum literal literal_of(str type)
{
    static const struct {
        str type;
        enum literal literal;
    } types[] = {
        {STR("VARCHAR"), LITERAL_TEXT},     {STR("UUID"), LITERAL_TEXT},
        {STR("BOOLEAN"), LITERAL_BOOL},     {STR("TINYINT"), LITERAL_INTEGER},
        {STR("SMALLINT"), LITERAL_INTEGER}, {STR("INTEGER"), LITERAL_INTEGER},
        {STR("BIGINT"), LITERAL_INTEGER},   {STR("HUGEINT"), LITERAL_INTEGER},
        {STR("UTINYINT"), LITERAL_INTEGER}, {STR("USMALLINT"), LITERAL_INTEGER},
        {STR("UINTEGER"), LITERAL_INTEGER}, {STR("UBIGINT"), LITERAL_INTEGER},
        {STR("UHUGEINT"), LITERAL_INTEGER}, {STR("FLOAT"), LITERAL_NUMBER},
        {STR("DOUBLE"), LITERAL_NUMBER},    {STR("DATE"), LITERAL_DATE},
        {STR("TIMESTAMP"), LITERAL_TIME},   {STR("TIMESTAMP WITH TIME ZONE"), LITERAL_TIME},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (str_eq_nocase(types[i].type, type))
            return types[i].literal;
    if (str_has(type, '[') || str_ends(type, STR("]")))
        return LITERAL_NONE;
    return str_starts(type, STR("DECIMAL(")) ? LITERAL_NUMBER : LITERAL_NONE;
}

bool policy_has_values(str type)
{
    return literal_of(type) != LITERAL_NONE;
}

/* `-12.50`: no more digits behind the point than the type keeps. */
static bool fits_decimal(str type, str text)
{
    str head, tail = STR_NONE, digits = STR_NONE, whole;
    uint64_t scale = 0;
    double number;
    (void)str_cut(type, ',', &head, &tail);
    (void)str_to_u64(str_sub(tail, 0, tail.len ? tail.len - 1 : 0), &scale);
    (void)str_cut(text, '.', &whole, &digits);
    while (digits.len > scale && digits.ptr[digits.len - 1] == '0')
        digits.len--;
    return str_to_f64(text, &number) && !str_has(text, 'e') && !str_has(text, 'E')
        && digits.len <= scale;
}

/* Digits that count. More than a float keeps, and two texts would be one value of it. */
static bool fits_float(str type, str text)
{
    size_t digits = 0, zeros = 0, most = str_eq_nocase(type, STR("FLOAT")) ? 6 : 15;
    double number;
    for (size_t i = 0; i < text.len && text.ptr[i] != 'e' && text.ptr[i] != 'E'; i++) {
        bool is_zero = text.ptr[i] == '0';
        if ((text.ptr[i] < '0' || text.ptr[i] > '9') || (is_zero && digits == 0))
            continue;
        zeros = is_zero ? zeros + 1 : 0;
        digits++;
    }
    if (!str_to_f64(text, &number) || digits - zeros > most)
        return false;
    double size = number < 0 ? -number : number;
    return digits == 0 || (most > 6 ? size > 0 : size > 1.2e-38 && size < 3.4e38);
}

/* Microseconds are what a TIMESTAMP keeps. */
static bool fits_time(str text)
{
    int64_t instant;
    size_t point = str_find(text, STR(".")), end = point + 1;
    while (end < text.len && text.ptr[end] >= '0' && text.ptr[end] <= '9')
        end++;
    return clock_parse(text, &instant) && (point == text.len || end - point - 1 <= 6);
}

bool policy_constant_fits(const struct policy *policy, str type)
{
    return policy->mask.method != MASK_CONSTANT || policy->selector.columns.len > 0
        || !policy_has_values(type) || policy_value_fits(type, policy->mask.value);
}

bool policy_value_fits(str type, str text)
{
    int64_t instant;
    str whole = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+') ? str_from(text, 1) : text;
    bool is_integer = whole.len > 0;
    for (size_t i = 0; i < whole.len; i++)
        is_integer = is_integer && whole.ptr[i] >= '0' && whole.ptr[i] <= '9';
    switch (literal_of(type)) {
    case LITERAL_TEXT:
        return !str_has(text, '\0'); /* no text of SQL holds it */
    case LITERAL_INTEGER:
        return is_integer;
    case LITERAL_NUMBER:
        return str_starts(type, STR("DECIMAL(")) ? fits_decimal(type, text)
                                                 : fits_float(type, text);
    case LITERAL_BOOL:
        return str_eq(text, STR("true")) || str_eq(text, STR("false"));
    case LITERAL_DATE:
        return text.len == 10 && clock_parse(text, &instant);
    case LITERAL_TIME:
        return fits_time(text);
    case LITERAL_NONE:
        break;
    }
    return false;
}
