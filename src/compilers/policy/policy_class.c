/* A decision as bytes that name its copies, and as the SELECT that makes them. */
#include <stdlib.h>

#include "buf/buf.h"
#include "policy/policy_inside.h"
#include "task/task.h"

static void add_number(struct buf *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        buf_add_byte(out, (char)(value >> (8 * i)));
}

static void add_text(struct buf *out, str text)
{
    add_number(out, text.len);
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

static int compare_filters(const void *a, const void *b)
{
    const struct decision_filter *left = *(const struct decision_filter *const *)a;
    const struct decision_filter *right = *(const struct decision_filter *const *)b;
    if (left->column_id != right->column_id)
        return left->column_id < right->column_id ? -1 : 1;
    int order = str_compare(left->type, right->type);
    return order ? order : str_compare(left->literal, right->literal);
}

void policy_class(struct buf *out, uint64_t table_id, const struct decision *decision,
                  const uint32_t *file_columns, size_t len)
{
    struct arena *mem = arena_new();
    const struct decision_column **columns =
        arena_array(mem, decision->columns.len + 1, sizeof(const struct decision_column *));
    const struct decision_filter **filters =
        arena_array(mem, decision->filters.len + 1, sizeof(const struct decision_filter *));
    size_t column_count = 0, filter_count = 0;
    for (size_t i = 0; i < decision->columns.len; i++)
        if (is_in_file(decision->columns.at[i].id, file_columns, len))
            columns[column_count++] = &decision->columns.at[i];
    for (size_t i = 0; i < decision->filters.len; i++)
        filters[filter_count++] = &decision->filters.at[i];
    qsort(columns, column_count, sizeof *columns, compare_columns);
    qsort(filters, filter_count, sizeof *filters, compare_filters);
    size_t distinct = 0;
    for (size_t i = 0; i < filter_count; i++)
        if (i == 0 || compare_filters(&filters[i - 1], &filters[i]) != 0)
            filters[distinct++] = filters[i];
    add_number(out, table_id);
    add_number(out, column_count);
    for (size_t i = 0; i < column_count; i++) {
        add_number(out, columns[i]->id);
        add_number(out, columns[i]->mask);
        add_text(out, columns[i]->type);
    }
    add_number(out, distinct);
    for (size_t i = 0; i < distinct; i++) {
        add_number(out, filters[i]->column_id);
        add_text(out, filters[i]->type);
        add_text(out, filters[i]->literal);
    }
    arena_free(mem);
}

bool policy_shows_all_columns(const struct decision *decision, const uint32_t *file_columns,
                              size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool is_shown = false;
        for (size_t k = 0; k < decision->columns.len && !is_shown; k++)
            is_shown = decision->columns.at[k].id == file_columns[i]
                    && decision->columns.at[k].mask == MASK_NONE;
        if (!is_shown)
            return false;
    }
    return true;
}

str policy_clearing_sql(struct arena *mem, const struct decision *decision)
{
    struct buf *b = buf_new(mem, 64 << 20);
    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < decision->columns.len; i++) {
        const struct decision_column *column = &decision->columns.at[i];
        buf_add(b, i ? STR(", ") : STR(""));
        if (column->mask == MASK_NULL) {
            buf_format(b, "CAST(NULL AS " STR_FMT ") AS ", STR_ARG(column->type));
        } else {
            /* A method that is not known here must never show the value. */
            CHECK(column->mask == MASK_NONE);
        }
        buf_add_identifier(b, column->name);
    }
    buf_add(b, STR(" FROM source"));
    for (size_t i = 0; i < decision->filters.len; i++) {
        const struct decision_filter *filter = &decision->filters.at[i];
        buf_add(b, i ? STR(" AND TRY(") : STR(" WHERE TRY("));
        buf_add_identifier(b, filter->column);
        buf_add(b, STR(" = CAST("));
        buf_add_literal(b, filter->literal);
        buf_format(b, " AS " STR_FMT ")) IS TRUE", STR_ARG(filter->type));
    }
    /* A filter leaves vectors that are partly filled, and row groups end with a vector: without a sort their sizes would tell
     * how many rows are hidden between those that are seen. */
    if (decision->filters.len)
        buf_add(b, STR(" ORDER BY file_row_number"));
    CHECK(!b->full);
    return buf_str(b);
}
