#include "buf/buf.h"
#include "infer/infer.h"
#include "limits/limits.h"

/* Forms that a text may have, in the order of `enum infer_form`. A number with a zero in front is a code: of it the zero would be lost. */
static const char *const infer_patterns[FORM_COUNT] = {
    [FORM_BOOLEAN] = "true|false|TRUE|FALSE|True|False",
    [FORM_WHOLE] = "-?(0|[1-9][0-9]{0,17})",
    [FORM_DECIMAL] = "-?(0|[1-9][0-9]{0,27})(\\.[0-9]{1,10})?",
    [FORM_FLOAT] = "-?(0|[1-9][0-9]{0,14})(\\.[0-9]+)?([eE][-+]?[0-9]{1,3})?",
    [FORM_DATE] = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
    [FORM_TIMESTAMP] =
        "[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,6})?)?",
    [FORM_TIMESTAMP_ZONE] =
        ("[0-9]{4}-[0-9]{2}-[0-9]{2}[ "
         "T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,6})?)?(Z|[-+][0-9]{2}(:?[0-9]{2})?)"),
    [FORM_TIME] = "[0-2][0-9]:[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,6})?)?",
    [FORM_UUID] = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
    [FORM_EMAIL] = "[^@\\s]+@[^@\\s]+\\.[A-Za-z]{2,}",
    [FORM_IBAN] = "[A-Z]{2}[0-9]{2}( ?[A-Z0-9]){11,30}",
    [FORM_CARD] = "[0-9]([ -]?[0-9]){12,18}",
    [FORM_PHONE] = "(\\+|00)[1-9]([ /().-]?[0-9]){6,14}",
    [FORM_ADDRESS] = ("(([0-9]{1,3}\\.){3}[0-9]{1,3}|[0-9a-fA-F]{0,4}(:[0-9a-fA-F]{0,4}){3,7})"
                      "(/[0-9]{1,3})?"),
    [FORM_AHV] = "756\\.?[0-9]{4}\\.?[0-9]{4}\\.?[0-9]{2}",
};

/* What has a form has to be that too: 2026-02-31 is no date. */
static const char *const infer_types[FORM_COUNT] = {
    [FORM_DATE] = "DATE", [FORM_TIMESTAMP] = "TIMESTAMP", [FORM_TIMESTAMP_ZONE] = "TIMESTAMPTZ",
    [FORM_TIME] = "TIME", [FORM_FLOAT] = "DOUBLE",
};

static bool infer_is_text(const struct infer_column *column)
{
    return str_eq(column->type, STR("VARCHAR"));
}

/* Values without an order or equality that costs little are not told apart. */
static bool infer_is_nested(str type)
{
    return str_ends(type, STR("]")) || str_starts(type, STR("STRUCT("))
        || str_starts(type, STR("MAP(")) || str_eq(type, STR("JSON")) || str_eq(type, STR("BLOB"));
}

static str infer_sql_name(struct arena *mem, const struct infer_column *column)
{
    struct buf *b = buf_new(mem, SOURCE_SQL_BYTES_MAX);

    if (column->sql.len > 0) {
        return column->sql;
    }
    buf_add_identifier(b, column->name);
    return buf_str(b);
}

static void infer_add_text_facts(struct buf *b, str name)
{
    for (int i = 0; i < FORM_COUNT; i++) {
        buf_format(b, ", count_if(regexp_full_match(%.*s, ", STR_ARG(name));
        buf_add_literal(b, str_of(infer_patterns[i]));
        buf_add(b, STR(")"));
        if (infer_types[i] != NULL) {
            buf_format(b, " AND TRY_CAST(%.*s AS %s) IS NOT NULL", STR_ARG(name), infer_types[i]);
        }
        buf_add(b, STR(")"));
    }
    buf_format(b,
               ", max(strlen(ltrim(split_part(%.*s, '.', 1), '-'))), max(strlen(split_part(%.*s, "
               "'.', 2))), min(TRY_CAST(%.*s AS DOUBLE)), max(TRY_CAST(%.*s AS DOUBLE))",
               STR_ARG(name), STR_ARG(name), STR_ARG(name), STR_ARG(name));
}

str infer_profile_sql(struct arena *mem, const struct infer_column *columns, size_t len, str from)
{
    struct buf *b = buf_new(mem, SOURCE_SQL_BYTES_MAX);

    buf_add(b, STR("SELECT count(*)"));
    for (size_t i = 0; i < len; i++) {
        str name = infer_sql_name(mem, &columns[i]);

        buf_format(b, ", count(%.*s), ", STR_ARG(name));
        buf_format(b, infer_is_nested(columns[i].type) ? "0" : "count(DISTINCT %.*s)",
                   STR_ARG(name));
        buf_add(b, STR(", NULL, NULL"));
        if (infer_is_text(&columns[i])) {
            infer_add_text_facts(b, name);
        } else {
            for (int j = 0; j < FORM_COUNT + 4; j++) {
                buf_add(b, STR(", NULL"));
            }
        }
    }
    buf_format(b, " FROM %.*s", STR_ARG(from));
    return b->full ? STR_NONE : buf_str(b);
}

static uint64_t infer_count(const struct tree *cell)
{
    int64_t number = 0;

    (void)tree_is_int(cell, &number);
    return number > 0 ? (uint64_t)number : 0;
}

bool infer_profile_read(const struct tree *row, struct infer_column *columns, size_t len,
                        uint64_t *rows_out)
{
    if (row->kind != TREE_LIST || row->len != 1 + len * INFER_FACTS) {
        return false;
    }
    *rows_out = infer_count(row->at[0]);
    for (size_t i = 0; i < len; i++) {
        struct tree *const *cells = row->at + 1 + i * INFER_FACTS;

        columns[i].is_profiled = true;
        columns[i].values = infer_count(cells[0]);
        columns[i].distinct = infer_count(cells[1]);
        for (int j = 0; j < FORM_COUNT; j++) {
            columns[i].counts[j] = infer_count(cells[4 + j]);
        }
        columns[i].whole_digits = (int64_t)infer_count(cells[4 + FORM_COUNT]);
        columns[i].scale = (int64_t)infer_count(cells[5 + FORM_COUNT]);
        (void)tree_is_number(cells[6 + FORM_COUNT], &columns[i].least);
        (void)tree_is_number(cells[7 + FORM_COUNT], &columns[i].most);
    }
    return true;
}

str infer_samples_sql(struct arena *mem, const struct infer_column *column, str from)
{
    struct buf *b = buf_new(mem, SOURCE_SQL_BYTES_MAX);
    str name = infer_sql_name(mem, column);
    uint64_t formed = column->counts[FORM_IBAN];

    formed = column->counts[FORM_CARD] > formed ? column->counts[FORM_CARD] : formed;
    formed = column->counts[FORM_AHV] > formed ? column->counts[FORM_AHV] : formed;
    if (column->values == 0 || formed * 2 < column->values) {
        return STR_NONE;
    }
    buf_format(b,
               "SELECT DISTINCT value FROM (SELECT %.*s AS value FROM %.*s WHERE %.*s IS NOT NULL "
               "LIMIT 1000) LIMIT 100",
               STR_ARG(name), STR_ARG(from), STR_ARG(name));
    return b->full ? STR_NONE : buf_str(b);
}

static bool infer_all(const struct infer_column *column, enum infer_form form)
{
    return column->values > 0 && column->counts[form] == column->values;
}

void infer_settle(struct arena *mem, struct infer_column *column)
{
    if (!infer_is_text(column) || !column->is_profiled || column->values == 0) {
        return;
    }
    if (infer_all(column, FORM_BOOLEAN)) {
        column->type = STR("BOOLEAN");
    } else if (infer_all(column, FORM_WHOLE)) {
        column->type = column->least >= -2147483648.0 && column->most <= 2147483647.0
                         ? STR("INTEGER")
                         : STR("BIGINT");
    } else if (infer_all(column, FORM_DECIMAL)) {
        int64_t precision = column->whole_digits + column->scale;

        /* Room to grow: amounts of a sample are rarely the largest there will be. */
        precision = precision < 18 ? 18 : 38;
        column->type = arena_format(mem, "DECIMAL(%d,%d)", (int)precision, (int)column->scale);
    } else if (infer_all(column, FORM_FLOAT)) {
        column->type = STR("DOUBLE");
    } else if (infer_all(column, FORM_DATE)) {
        column->type = STR("DATE");
    } else if (infer_all(column, FORM_TIMESTAMP)) {
        column->type = STR("TIMESTAMP");
    } else if (infer_all(column, FORM_TIMESTAMP_ZONE)) {
        column->type = STR("TIMESTAMP WITH TIME ZONE");
    } else if (infer_all(column, FORM_TIME)) {
        column->type = STR("TIME");
    } else if (infer_all(column, FORM_UUID)) {
        column->type = STR("UUID");
    }
}
