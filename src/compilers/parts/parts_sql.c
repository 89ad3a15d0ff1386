/* The SELECTs. */
#include "limits/limits.h"
#include "parts/parts_inside.h"

enum {
    LOOKS_EACH = 64,       /* places looked at for each file that is to be */
    LOOKS_MOST = 4000,     /* of one look */
    VALUE_BYTES_MAX = 256, /* longer ones begin no file: facts would not tell them either */
    TEXT_BYTES_MAX = SQL_BYTES_MAX * 16,
};

static void add_value(struct buf *b, const struct job_column *column, str text)
{
    buf_add(b, STR("CAST("));
    buf_add_literal(b, text);
    buf_format(b, " AS " STR_FMT ")", STR_ARG(column->type));
}

static void add_and(struct buf *b, bool *is_first)
{
    buf_add(b, *is_first ? STR(" WHERE ") : STR(" AND "));
    *is_first = false;
}

static void add_fixed(struct buf *b, const struct parts *parts, const struct part_range *range,
                      bool *is_first)
{
    for (size_t i = 0; i < range->depth; i++) {
        const struct job_column *column = &parts->key->at[i];
        add_and(b, is_first);
        buf_add_identifier(b, column->name);
        if (range->fixed[i].is_null) {
            buf_add(b, STR(" IS NULL"));
            continue;
        }
        buf_add(b, STR(" = "));
        add_value(b, column, range->fixed[i].text);
    }
}

static void add_low(struct buf *b, const struct job_column *column, const struct part_range *range)
{
    /* Where the column has nulls they are the last, so they are in a range without an end. */
    bool takes_nulls = range->has_nulls && range->high.kind == CUT_NONE;
    if (takes_nulls)
        buf_add_byte(b, '(');
    buf_add_identifier(b, column->name);
    buf_add(b, range->low.kind == CUT_BEFORE ? STR(" >= ") : STR(" > "));
    add_value(b, column, range->low.text);
    if (takes_nulls) {
        buf_add(b, STR(" OR "));
        buf_add_identifier(b, column->name);
        buf_add(b, STR(" IS NULL)"));
    }
}

static void add_between(struct buf *b, const struct job_column *column,
                        const struct part_range *range, bool *is_first)
{
    if (range->low.kind != CUT_NONE) {
        add_and(b, is_first);
        if (range->low.kind == CUT_NULLS) {
            buf_add_identifier(b, column->name);
            buf_add(b, STR(" IS NULL"));
        } else {
            add_low(b, column, range);
        }
    }
    if (range->high.kind != CUT_NONE) {
        add_and(b, is_first);
        buf_add_identifier(b, column->name);
        if (range->high.kind == CUT_NULLS) {
            buf_add(b, STR(" IS NOT NULL"));
        } else {
            buf_add(b, range->high.kind == CUT_BEFORE ? STR(" < ") : STR(" <= "));
            add_value(b, column, range->high.text);
        }
    }
}

static void add_placed(struct buf *b, const struct part_range *range, bool *is_first)
{
    add_and(b, is_first);
    buf_format(b, "file_row_number >= %llu", (unsigned long long)range->first_place);
    if (range->end_place == UINT64_MAX)
        return;
    add_and(b, is_first);
    buf_format(b, "file_row_number < %llu", (unsigned long long)range->end_place);
}

static void add_columns(struct buf *b, const struct parts *parts)
{
    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < parts->columns->len; i++) {
        buf_add(b, i ? STR(", ") : STR(""));
        buf_add_identifier(b, parts->columns->at[i].name);
    }
    buf_add(b, STR(" FROM source"));
}

static void add_order(struct buf *b, const struct parts *parts)
{
    buf_add(b, STR(" ORDER BY "));
    for (size_t i = 0; i < parts->key->len; i++) {
        buf_add_identifier(b, parts->key->at[i].name);
        buf_add(b, STR(" NULLS LAST, "));
    }
    /* The sort also makes row groups of one size: without it they would end where those of the source do, and the same rows would be
     * other bytes in each release. */
    buf_add(b, STR("file_row_number"));
}

str parts_order_sql(const struct parts *parts)
{
    struct buf *b = buf_new(parts->mem, TEXT_BYTES_MAX);
    add_columns(b, parts);
    add_order(b, parts);
    return buf_str(b);
}

str parts_file_sql(const struct parts *parts, const struct part *part)
{
    const struct part_range *range = part->inside;
    struct buf *b = buf_new(parts->mem, TEXT_BYTES_MAX);
    bool is_first = true;
    add_columns(b, parts);
    add_fixed(b, parts, range, &is_first);
    if (range->is_placed)
        add_placed(b, range, &is_first);
    else if (range->depth < parts->key->len)
        add_between(b, &parts->key->at[range->depth], range, &is_first);
    add_order(b, parts);
    return buf_str(b);
}

/* `was` is the row before; a null comes last, and is told as disorder: sorting once more is no harm. */
static void add_follows(struct buf *b, size_t i, size_t len)
{
    if (i + 1 == len) {
        buf_format(b, "was%zu <= is%zu", i, i);
        return;
    }
    buf_format(b, "(was%zu < is%zu OR (was%zu = is%zu AND ", i, i, i, i);
    add_follows(b, i + 1, len);
    buf_add(b, STR("))"));
}

str parts_disorder_sql(const struct parts *parts)
{
    struct buf *b = buf_new(parts->mem, TEXT_BYTES_MAX);
    buf_add(b, STR("SELECT count(*) FROM (SELECT "));
    for (size_t i = 0; i < parts->key->len; i++) {
        str name = parts->key->at[i].name;
        buf_add(b, i ? STR(", ") : STR(""));
        buf_add_identifier(b, name);
        buf_format(b, " AS is%zu, lag(", i);
        buf_add_identifier(b, name);
        buf_format(b, ") OVER () AS was%zu", i);
    }
    buf_add(b, STR(", file_row_number AS place FROM source) WHERE place > 0 AND NOT coalesce("));
    add_follows(b, 0, parts->key->len);
    buf_add(b, STR(", false)"));
    return buf_str(b);
}

static uint64_t step_of(const struct parts *parts, const struct part_range *range)
{
    uint64_t step = parts->limits.rows_most / LOOKS_EACH, least = range->rows / LOOKS_MOST;
    step = step > least ? step : least;
    return step ? step : 1;
}

static void add_hints(struct buf *b, const struct job_column *column, const struct str_list *hints)
{
    for (size_t i = 0; i < hints->len; i++) {
        buf_add(b, i ? STR("), (") : STR(" UNION SELECT TRY_CAST(hint AS "));
        if (!i) {
            buf_add(b, column->type);
            buf_add(b, STR(") FROM (VALUES ("));
        }
        buf_add_literal(b, hints->at[i]);
    }
    if (hints->len)
        buf_add(b, STR(")) AS hints(hint)"));
}

str parts_look_sql(const struct parts *parts, const struct part_range *range,
                   const struct str_list *hints)
{
    const struct job_column *column = &parts->key->at[range->depth];
    struct buf *b = buf_new(parts->mem, TEXT_BYTES_MAX);
    bool is_text = str_eq(column->type, STR("VARCHAR")), is_first = true;
    /* Three reads of one column take less than to keep as many rows as there are, which would be spilled. */
    buf_add(b, STR("WITH looked AS NOT MATERIALIZED (SELECT "));
    buf_add_identifier(b, column->name);
    buf_add(b, STR(" AS k, file_row_number AS place FROM source"));
    add_fixed(b, parts, range, &is_first);
    /* Places are chosen by hash: a step would meet the same value again and again where values take turns. */
    buf_format(b,
               "), seen AS (SELECT k AS v FROM looked WHERE hash(place) %% %llu = 0"
               " UNION SELECT min(k) FROM looked",
               (unsigned long long)step_of(parts, range));
    add_hints(b, column, hints);
    buf_add(b, STR("), bins AS (SELECT coalesce(list(v ORDER BY v), []) AS v FROM seen"
                   " WHERE v IS NOT NULL"));
    if (is_text)
        buf_format(b, " AND strlen(v) <= %d AND NOT contains(v, chr(0))", VALUE_BYTES_MAX);
    buf_add(b, STR(") SELECT count(*), count(k), any_value(CAST(bins.v AS VARCHAR[])),"
                   " map_values(histogram(k, bins.v)), map_values(histogram_exact(k, bins.v))"
                   " FROM looked, bins"));
    return buf_str(b);
}

str parts_places_sql(const struct parts *parts, const struct part_range *range)
{
    struct buf *b = buf_new(parts->mem, TEXT_BYTES_MAX);
    bool is_first = true;
    buf_add(b,
            STR("SELECT coalesce(list(place ORDER BY place), []) FROM (SELECT file_row_number AS "
                "place, row_number() OVER (ORDER BY file_row_number) - 1 AS rank FROM source"));
    add_fixed(b, parts, range, &is_first);
    buf_format(b, ") WHERE rank > 0 AND rank %% %llu = 0 AND rank + %llu <= %llu",
               (unsigned long long)(parts->limits.rows_most - parts->limits.rows_least),
               (unsigned long long)parts->limits.rows_least, (unsigned long long)range->rows);
    return buf_str(b);
}
