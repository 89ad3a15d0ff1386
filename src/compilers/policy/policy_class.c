/* A decision as bytes that name its copies, and as the SELECT that makes them. */
#include <stdlib.h>

#include "buf/buf.h"
#include "limits/limits.h"
#include "policy/policy_inside.h"
#include "task/task.h"

enum { CLASS_BYTES_MAX = 64 << 20 };

void policy_add_number(struct buf *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        buf_add_byte(out, (char)(value >> (8 * i)));
}

void policy_add_text(struct buf *out, str text)
{
    policy_add_number(out, text.len);
    buf_add(out, text);
}

static bool is_in_file(uint32_t id, const uint32_t *file_columns, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (file_columns[i] == id)
            return true;
    return false;
}

static int compare_columns(const void *a, const void *b)
{
    uint32_t left = (*(const struct decision_column *const *)a)->id;
    uint32_t right = (*(const struct decision_column *const *)b)->id;
    return (left > right) - (left < right);
}

static void add_column(struct arena *mem, struct buf *out, const struct decision_column *column)
{
    policy_add_number(out, column->id);
    policy_add_text(out, column->type);
    policy_mask_bytes(mem, &column->mask, out);
    /* By path, and each once: policy_decide puts them together in the order of the table's fields. */
    policy_add_number(out, column->fields.len);
    for (size_t i = 0; i < column->fields.len; i++) {
        policy_add_text(out, column->fields.at[i].path);
        policy_mask_bytes(mem, &column->fields.at[i].mask, out);
    }
}

static str filter_bytes(struct arena *mem, const struct decision_filter *filter)
{
    struct buf *out = buf_new(mem, CLASS_BYTES_MAX);
    policy_add_number(out, filter->form);
    policy_add_number(out, filter->column.id);
    policy_add_text(out, filter->column.type);
    policy_add_number(out, filter->values.len);
    for (size_t i = 0; i < filter->values.len; i++)
        policy_add_text(out, filter->values.at[i]);
    policy_add_number(out, (uint64_t)filter->has_low << 3 | (uint64_t)filter->has_high << 2
                               | (uint64_t)filter->low_is_open << 1 | filter->high_is_open);
    policy_add_text(out, filter->low);
    policy_add_text(out, filter->high);
    policy_add_text(out, filter->sql);
    policy_add_number(out, filter->columns.len);
    for (size_t i = 0; i < filter->columns.len; i++) {
        policy_add_number(out, filter->columns.at[i].id);
        policy_add_text(out, filter->columns.at[i].type);
    }
    CHECK(!out->full);
    return buf_str(out);
}

void policy_class(struct buf *out, uint64_t table_id, const struct decision *decision,
                  const uint32_t *file_columns, size_t len)
{
    struct arena *mem = arena_new();
    const struct decision_column **columns =
        arena_array(mem, decision->columns.len + 1, sizeof(const struct decision_column *));
    struct str_list filters = {0};
    size_t column_count = 0;
    for (size_t i = 0; i < decision->columns.len; i++)
        if (is_in_file(decision->columns.at[i].id, file_columns, len))
            columns[column_count++] = &decision->columns.at[i];
    qsort(columns, column_count, sizeof *columns, compare_columns);
    for (size_t i = 0; i < decision->filters.len; i++)
        str_list_add(mem, &filters, filter_bytes(mem, &decision->filters.at[i]));
    str_list_sort(&filters);
    policy_add_number(out, table_id);
    policy_add_number(out, column_count);
    for (size_t i = 0; i < column_count; i++)
        add_column(mem, out, columns[i]);
    policy_add_number(out, filters.len);
    for (size_t i = 0; i < filters.len; i++)
        policy_add_text(out, filters.at[i]);
    arena_free(mem);
}

bool policy_shows_all_columns(const struct decision *decision, const uint32_t *file_columns,
                              size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool is_shown = false;
        for (size_t k = 0; k < decision->columns.len && !is_shown; k++)
            is_shown = decision->columns.at[k].id == file_columns[i]
                    && !policy_is_masked(&decision->columns.at[k]);
        if (!is_shown)
            return false;
    }
    return true;
}

static void add_literal(struct buf *b, str text, str type)
{
    if (str_eq_nocase(type, STR("VARCHAR"))) {
        buf_add_literal(b, text);
        return;
    }
    buf_add(b, STR("TRY_CAST("));
    buf_add_literal(b, text);
    buf_format(b, " AS " STR_FMT ")", STR_ARG(type));
}

/* The engine looks a bare list up, and skips row groups by it: inside of IS TRUE it compares each row with each value. Statistics
 * know nothing of a NaN, so that floats are compared row by row. */
static bool is_by_statistics(str type)
{
    return !str_eq_nocase(type, STR("FLOAT")) && !str_eq_nocase(type, STR("DOUBLE"));
}

static void add_values(struct buf *b, const struct decision_filter *filter)
{
    bool is_list = filter->values.len > 1, is_bare = is_by_statistics(filter->column.type);
    if (filter->values.len == 0) {
        buf_add(b, STR("FALSE"));
        return;
    }
    buf_add_byte(b, '(');
    buf_add_identifier(b, filter->column.name);
    buf_add(b, is_list ? STR(" IN (") : STR(" = "));
    for (size_t i = 0; i < filter->values.len; i++) {
        buf_add(b, i ? STR(", ") : STR(""));
        add_literal(b, filter->values.at[i], filter->column.type);
    }
    buf_add(b, is_list ? STR(")") : STR(""));
    buf_add(b, is_bare ? STR(")") : STR(") IS TRUE"));
}

static void add_bound(struct buf *b, const struct decision_filter *filter, const char *sign,
                      str bound)
{
    buf_add_byte(b, '(');
    buf_add_identifier(b, filter->column.name);
    buf_format(b, " %s ", sign);
    add_literal(b, bound, filter->column.type);
    buf_add(b, STR(") IS TRUE"));
}

/* More than a value takes beside its text, and more than a mask does that names no value. */
enum { AROUND_VALUE = 64, AROUND_MASK = 1024 };

static uint64_t mask_bytes(struct arena *mem, const struct decision_column *column)
{
    bool is_short =
        column->fields.len == 0
        && (column->mask.method == MASK_NULL || column->mask.method == MASK_HASH
            || column->mask.method == MASK_PARTIAL || column->mask.method == MASK_TRUNCATE);
    if (is_short)
        return AROUND_MASK;
    struct arena_mark mark = arena_mark(mem);
    struct buf *b = buf_new(mem, CLEARING_SQL_BYTES_MAX + 1);
    uint64_t bytes;
    policy_masked_sql(mem, column, b);
    bytes = b->full ? CLEARING_SQL_BYTES_MAX + 1 : b->len;
    arena_rewind(mem, mark);
    return bytes + AROUND_MASK;
}

static uint64_t filter_sql_bytes(const struct decision_filter *filter)
{
    uint64_t bytes = filter->sql.len + 2 * (filter->low.len + filter->high.len) + AROUND_VALUE;
    for (size_t i = 0; i < filter->values.len; i++)
        bytes += 2 * filter->values.at[i].len + AROUND_VALUE;
    return bytes;
}

bool policy_is_too_long(struct arena *mem, const struct decision *decision)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < decision->filters.len; i++)
        bytes += filter_sql_bytes(&decision->filters.at[i]);
    for (size_t i = 0; i < decision->columns.len && bytes <= CLEARING_SQL_BYTES_MAX; i++)
        if (policy_is_masked(&decision->columns.at[i]))
            bytes += mask_bytes(mem, &decision->columns.at[i]);
    return bytes > CLEARING_SQL_BYTES_MAX;
}

static void add_filter(struct buf *b, const struct decision_filter *filter)
{
    switch (filter->form) {
    case FILTER_VALUES:
        add_values(b, filter);
        break;
    case FILTER_RANGE:
        if (filter->has_low)
            add_bound(b, filter, filter->low_is_open ? ">" : ">=", filter->low);
        buf_add(b, filter->has_low && filter->has_high ? STR(" AND ") : STR(""));
        if (filter->has_high)
            add_bound(b, filter, filter->high_is_open ? "<" : "<=", filter->high);
        break;
    case FILTER_SQL:
        buf_format(b, "TRY(" STR_FMT ") IS TRUE", STR_ARG(filter->sql));
        break;
    }
}

str policy_clearing_sql(struct arena *mem, const struct decision *decision)
{
    return policy_clearing_sql_from(mem, decision, STR("source"), STR_NONE, NULL);
}

str policy_clearing_sql_from(struct arena *mem, const struct decision *decision, str source,
                             str more, const char *order)
{
    struct buf *b = buf_new(mem, CLASS_BYTES_MAX);
    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < decision->columns.len; i++) {
        const struct decision_column *column = &decision->columns.at[i];
        buf_add(b, i ? STR(", ") : STR(""));
        if (policy_is_masked(column)) {
            policy_masked_sql(mem, column, b);
            buf_add(b, STR(" AS "));
        }
        buf_add_identifier(b, column->name);
    }
    buf_add(b, more);
    buf_format(b, " FROM " STR_FMT, STR_ARG(source));
    for (size_t i = 0; i < decision->filters.len; i++) {
        buf_add(b, i ? STR(" AND ") : STR(" WHERE "));
        add_filter(b, &decision->filters.at[i]);
    }
    /* A filter leaves vectors that are partly filled, here or in the SELECT that made the file, and row groups end with a vector:
     * without a sort their sizes would tell how many rows are hidden between those that are seen. */
    buf_add(b, order ? str_of(order) : STR(" ORDER BY file_row_number"));
    CHECK(!b->full);
    return buf_str(b);
}
