/* Parquet says its own types. Each file is held against the contract by itself: what widens is cast, anything else is drift. */
#include "buf/buf.h"
#include "limits/limits.h"
#include "source_inside.h"

/* The engine cuts digits off in these four without a word, so they get a name of their own, which no type of a contract has. */
static const char *const source_lossy =
    "CASE WHEN type = 'INT96' THEN 'INT96' "
    "WHEN logical_type LIKE 'TimestampType(isAdjustedToUTC=1%NANOS=Nano%' THEN 'timestamp of "
    "nanoseconds with a zone' "
    "WHEN logical_type LIKE 'TimeType(%NANOS=Nano%' THEN 'time of nanoseconds' "
    "WHEN converted_type = 'DECIMAL' AND \"precision\" > 38 THEN 'decimal of ' || \"precision\" || "
    "' digits' END";

/* Leaves stand in preorder, with the number of their children: the column that one belongs to follows from how many columns are
 * still to come, which is the least that was left before it. */
static void source_add_leaves(struct arena *mem, struct buf *b, str file)
{
    buf_add(b,
            STR("(SELECT total - least_left AS nth, any_value(lossy) AS lossy FROM (SELECT "
                "first_value(left_over) OVER (ORDER BY place) AS total, lossy, min(left_over) OVER "
                "(ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS least_left "
                "FROM (SELECT place, 1 + sum(coalesce(num_children, 0) - 1) OVER (ORDER BY place) "
                "AS left_over, "));
    buf_add(b, str_of(source_lossy));
    buf_add(b, STR(" AS lossy FROM (SELECT row_number() OVER () AS place, * FROM parquet_schema("));
    source_add_file(mem, b, file);
    buf_add(b, STR(")))) WHERE lossy IS NOT NULL GROUP BY nth)"));
}

static void source_add_parquet_columns(struct arena *mem, struct buf *b, str file, size_t nth)
{
    buf_format(
        b,
        "SELECT column_name AS name, coalesce(lossy, column_type) AS type, true AS nullable, "
        "%zu AS file, place FROM (SELECT row_number() OVER () AS place, column_name, "
        "column_type FROM (DESCRIBE SELECT * FROM read_parquet(",
        nth);
    source_add_file(mem, b, file);
    buf_add(b, STR(", hive_partitioning = false))) LEFT JOIN "));
    source_add_leaves(mem, b, file);
    buf_add(b, STR(" ON nth = place - 1"));
}

str source_parquet_describe(struct arena *mem, const struct source_table *table)
{
    struct buf *b = buf_new(mem, SOURCE_SQL_BYTES_MAX);

    buf_add(b, STR("SELECT name, type, nullable, file FROM ("));
    for (size_t i = 0; i < table->files.len; i++) {
        buf_add(b, i ? STR(" UNION ALL (") : STR("("));
        source_add_parquet_columns(mem, b, table->files.at[i], i);
        buf_add(b, STR(")"));
    }
    buf_add(b, STR(") ORDER BY file, place"));
    return b->full ? STR_NONE : buf_str(b);
}

/* ---- held against the contract */

enum source_fit { FIT_CAST, FIT_DECODE, FIT_NONE };

static enum source_fit source_fits(struct arena *mem, const struct source_server *server,
                                   const struct contract_column *column, str found)
{
    str type = contract_type_canonical(mem, found);

    if (contract_type_widens(type, column->type)) {
        return FIT_CAST;
    }
    if (str_eq(found, STR("INT96"))) {
        return server->takes_int96 && str_eq(column->type, STR("TIMESTAMP")) ? FIT_CAST : FIT_NONE;
    }
    /* Bytes that are UTF-8 are a text, which the file forgot to say; others stop the run. */
    if (str_eq(type, STR("BLOB")) && str_eq(column->type, STR("VARCHAR"))) {
        return FIT_DECODE;
    }
    bool is_text = str_eq(type, STR("VARCHAR")) || str_eq(type, STR("JSON"));
    return is_text && (str_eq(column->type, STR("JSON")) || str_eq(column->type, STR("VARCHAR")))
             ? FIT_CAST
             : FIT_NONE;
}

static str source_hint_type(const struct contract_column *column, str found)
{
    if (str_eq(found, STR("INT96"))) {
        return str_eq(column->type, STR("TIMESTAMP"))
                 ? STR("INT96 may hold nanoseconds, which would be cut off unseen; where they are "
                       "not meant, say customProperties int96: microseconds for the server")
                 : STR("INT96 is read as TIMESTAMP, with customProperties int96: microseconds");
    }
    if (str_ends(found, STR("digits"))) {
        return STR("at most 38 digits are read exactly");
    }
    if (str_find(found, STR("nanoseconds")) < found.len) {
        return STR("its nanoseconds would be cut off: write microseconds, or leave the column out "
                   "of the contract");
    }
    return STR("change the type in the source contract, or ask the owner of the source");
}

static bool source_parquet_type(struct arena *mem, const struct source_server *server,
                                const struct source_table *table,
                                const struct contract_column *column,
                                const struct source_column *found, struct report *report)
{
    if (source_fits(mem, server, column, found->type) != FIT_NONE) {
        return true;
    }
    str file = source_file_shown(table->files.at[found->file]);
    struct finding *finding = report_add(report, FINDING_ERROR, ERR_DRIFT, column->place,
                                         "column %.*s has another type in the source, in %.*s",
                                         STR_ARG(source_column_name(column)), STR_ARG(file));
    finding->found = found->type;
    finding->allowed = column->type;
    finding->hint = source_hint_type(column, found->type);
    return false;
}

/* Columns of one file: a slice of what was described. */
struct source_slice {
    const struct source_column *columns;
    size_t len;
};

/* One a file; what was described stands in the order of the files. */
static struct source_slice *source_slices(struct arena *mem, const struct source_table *table,
                                          const struct source_column *columns, size_t len)
{
    struct source_slice *slices = ARENA_ARRAY(mem, struct source_slice, table->files.len);

    for (size_t i = 0; i < len; i++) {
        struct source_slice *slice = &slices[columns[i].file];

        slice->columns = slice->len == 0 ? &columns[i] : slice->columns;
        slice->len++;
    }
    return slices;
}

static bool source_same_columns(struct source_slice a, struct source_slice b)
{
    for (size_t i = 0; a.len == b.len && i < a.len; i++) {
        if (!str_eq(a.columns[i].name, b.columns[i].name)
            || !str_eq(a.columns[i].type, b.columns[i].type)) {
            return false;
        }
    }
    return a.len == b.len;
}

/* A column that some files have and this one has not. */
static bool source_parquet_lacks(const struct source_table *table,
                                 const struct contract_column *column, size_t file,
                                 struct report *report)
{
    struct finding *finding = report_add(
        report, column->required ? FINDING_ERROR : FINDING_WARNING, ERR_DRIFT, column->place,
        "column %.*s is not in %.*s, and in other files of %.*s it is",
        STR_ARG(source_column_name(column)), STR_ARG(source_file_shown(table->files.at[file])),
        STR_ARG(source_table_name(table->table)));
    finding->hint = column->required
                      ? STR("it is required: bring the file again, or make it optional")
                      : STR("it is null in the rows of this file");
    return !column->required;
}

static bool source_parquet_file(struct arena *mem, const struct source_server *server,
                                const struct source_table *table, const struct map *all,
                                struct source_slice slice, size_t file, struct report *report)
{
    struct map by_name;
    bool ok = true;

    source_map_found(mem, slice.columns, slice.len, &by_name);
    for (size_t i = 0; i < table->table->columns.len; i++) {
        const struct contract_column *column = &table->table->columns.at[i];
        str name = source_column_name(column);
        const struct source_column *found = map_find(&by_name, name);

        if (found != NULL) {
            ok = source_parquet_type(mem, server, table, column, found, report) && ok;
        } else if (map_find(all, name) != NULL) {
            ok = source_parquet_lacks(table, column, file, report) && ok;
        }
    }
    return ok;
}

static void source_add_parquet_select(struct arena *mem, struct buf *b,
                                      const struct source_server *server,
                                      const struct source_table *table, struct source_slice slice)
{
    struct map by_name;

    source_map_found(mem, slice.columns, slice.len, &by_name);
    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < table->table->columns.len; i++) {
        const struct contract_column *column = &table->table->columns.at[i];
        const struct source_column *found = map_find(&by_name, source_column_name(column));
        bool is_bytes =
            found != NULL && source_fits(mem, server, column, found->type) == FIT_DECODE;

        buf_add(b, i ? STR(", CAST(") : STR("CAST("));
        if (found == NULL) {
            buf_add(b, STR("NULL"));
        } else {
            buf_add(b, is_bytes ? STR("decode(") : STR(""));
            buf_add_identifier(b, found->name);
            buf_add(b, is_bytes ? STR(")") : STR(""));
        }
        buf_format(b, " AS %.*s) AS ", STR_ARG(column->type));
        buf_add_identifier(b, column->name);
    }
}

static void source_parquet_text(struct arena *mem, const struct source_server *server,
                                struct source_table *table, const struct source_slice *slices)
{
    struct buf *b = buf_new(mem, SOURCE_SQL_BYTES_MAX);

    for (size_t i = 0; i < table->files.len && !b->full;) {
        struct source_slice slice = slices[i];
        struct str_list same = {0};

        buf_add(b, i ? STR(" UNION ALL ") : STR(""));
        for (; i < table->files.len && source_same_columns(slice, slices[i]); i++) {
            vec_push(mem, &same, table->files.at[i]);
        }
        source_add_parquet_select(mem, b, server, table, slice);
        buf_add(b, STR(" FROM read_parquet("));
        source_add_files(mem, b, &same);
        buf_add(b, STR(", hive_partitioning = false)"));
    }
    table->text = b->full ? STR_NONE : buf_str(b);
}

/* Widening never fails; bytes that are to be a text and texts that are to be JSON may. */
static bool source_parquet_plain(struct arena *mem, const struct source_table *table,
                                 struct source_slice slice)
{
    struct map by_name;

    source_map_found(mem, slice.columns, slice.len, &by_name);
    for (size_t i = 0; i < table->table->columns.len; i++) {
        const struct contract_column *column = &table->table->columns.at[i];
        const struct source_column *found = map_find(&by_name, source_column_name(column));

        if (found != NULL
            && !contract_type_widens(contract_type_canonical(mem, found->type), column->type)) {
            return false;
        }
    }
    return true;
}

bool source_parquet_compile(struct arena *mem, const struct source_server *server,
                            struct source_table *table, const struct source_column *columns,
                            size_t len, struct report *report)
{
    struct source_slice *slices = source_slices(mem, table, columns, len);
    struct map all;
    bool ok = true;

    source_map_found(mem, columns, len, &all);
    for (size_t i = 0; i < table->files.len; i++) {
        /* What was said of one file is not said again of those behind it that are like it. */
        if (i == 0 || !source_same_columns(slices[i], slices[i - 1])) {
            ok = source_parquet_file(mem, server, table, &all, slices[i], i, report) && ok;
        }
    }
    if (ok) {
        source_parquet_text(mem, server, table, slices);
        table->is_plain = true;
        for (size_t i = 0; i < table->files.len && table->is_plain; i++) {
            table->is_plain = source_parquet_plain(mem, table, slices[i]);
        }
    }
    return ok;
}
