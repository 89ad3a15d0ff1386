#include "buf/buf.h"
#include "limits/limits.h"
#include "scan/csv_scan.h"
#include "source_inside.h"

void source_add_file(struct arena *mem, struct buf *b, str file)
{
    buf_add_literal(b, arena_format(mem, "in/%.*s", STR_ARG(file)));
}

void source_add_files(struct arena *mem, struct buf *b, const struct str_list *files)
{
    buf_add(b, STR("["));
    for (size_t i = 0; i < files->len; i++) {
        buf_add(b, i ? STR(", ") : STR(""));
        source_add_file(mem, b, files->at[i]);
    }
    buf_add(b, STR("]"));
}

/* `t0_1_orders.csv` is our name of orders.csv. */
str source_file_shown(str file)
{
    str table, nth, name;

    return str_cut(file, '_', &table, &name) && str_cut(name, '_', &nth, &name) ? name : file;
}

/* Records of a document stand in a file of lines that the worker makes of it. */
static void source_add_json_files(struct arena *mem, struct buf *b,
                                  const struct source_server *server,
                                  const struct source_table *table)
{
    buf_add(b, STR("["));
    for (size_t i = 0; i < table->files.len; i++) {
        bool is_document = server->file_format == SOURCE_JSON;

        buf_add(b, i ? STR(", ") : STR(""));
        buf_add_literal(b, arena_format(mem, "%s/%.*s%s", is_document ? "tmp" : "in",
                                        STR_ARG(table->files.at[i]), is_document ? ".ndjson" : ""));
    }
    buf_add(b, STR("]"));
}

static str source_delimiter(const struct source_server *server)
{
    return server->delimiter.len ? server->delimiter : STR(",");
}

char source_other_delimiter(const struct source_server *server, const struct source_column *columns,
                            size_t len)
{
    static const char usual[] = ",;\t|";

    if (server->kind != SOURCE_FILES || server->file_format != SOURCE_CSV || len != 1) {
        return 0;
    }
    for (size_t i = 0; i < sizeof(usual) - 1; i++) {
        if (!str_has(source_delimiter(server), usual[i]) && str_has(columns[0].name, usual[i])) {
            return usual[i];
        }
    }
    return 0;
}

/* The dialect is fixed: what a sniffer would find in one file, it would not in the next. */
static void source_add_csv_options(struct buf *b, const struct source_server *server)
{
    buf_add(b, STR(", header = true, quote = '\"', escape = '\"', strict_mode = true, "
                   "allow_quoted_nulls = false, delim = "));
    buf_add_literal(b, source_delimiter(server));
}

/* Fields of a first line with a delimiter behind it: in quotes, or up to the next delimiter. */
static str source_field_pattern(struct arena *mem, const struct source_server *server)
{
    struct buf *b = buf_new(mem, PATH_BYTES_MAX);
    str delimiter = source_delimiter(server);

    buf_add(b, STR("( *\"(?:[^\"]|\"\")*\" *|.*?)"));
    for (size_t i = 0; i < delimiter.len; i++) {
        buf_format(b, (unsigned char)delimiter.ptr[i] < 0x80 ? "\\x%02x" : "%c",
                   (unsigned char)delimiter.ptr[i]);
    }
    return buf_str(b);
}

/* One row: the names in the first line of a file. The engine's sniffer is not asked: where later lines have too many fields it
 * takes one of them for the header. */
static void source_add_header(struct arena *mem, struct buf *b, const struct source_server *server,
                              str file)
{
    str pattern = source_field_pattern(mem, server);

    buf_add(b, STR("SELECT list_transform(regexp_extract_all(replace(rtrim(line, chr(13)), "
                   "chr(65279), '') || "));
    buf_add_literal(b, source_delimiter(server));
    buf_add(b, STR(", "));
    buf_add_literal(b, pattern);
    buf_add(b, STR(", 1), lambda field: CASE WHEN starts_with(trim(field), '\"') "
                   "THEN replace(trim(field)[2:-2], '\"\"', '\"') ELSE trim(field) END) AS names "
                   "FROM (SELECT line FROM read_csv("));
    source_add_file(mem, b, file);
    source_add_line_options(b);
    /* Whatever follows the first line: fields in quotes may hold ends of lines of other kinds. */
    buf_add(b, STR(", strict_mode = false) LIMIT 1)"));
}

/* One row a file: its names beside those of the first one, and where they begin to be others. */
static void source_add_headers(struct arena *mem, struct buf *b, const struct source_server *server,
                               const struct source_table *table)
{
    buf_add(b, STR("SELECT *, list_position(list_transform(list_zip(names, expected), lambda pair: "
                   "pair[1] IS NOT DISTINCT FROM pair[2]), false) AS other FROM (SELECT *, "
                   "first_value(names) OVER (ORDER BY nth) AS expected FROM ("));
    for (size_t i = 0; i < table->files.len; i++) {
        buf_format(b, "%s(SELECT names, %zu AS nth, ", i ? " UNION ALL " : "", i);
        buf_add_literal(b, source_file_shown(table->files.at[i]));
        buf_add(b, STR(" AS file FROM ("));
        source_add_header(mem, b, server, table->files.at[i]);
        buf_add(b, STR("))"));
    }
    buf_add(b, STR("))"));
}

static str source_csv_describe(struct arena *mem, const struct source_server *server,
                               const struct source_table *table)
{
    struct buf *b = buf_new(mem, SOURCE_SQL_BYTES_MAX);

    buf_add(
        b,
        STR("SELECT CASE WHEN count(*) OVER (PARTITION BY lower(name)) > 1 THEN error('weft: its "
            "header has the column ' || name || ' twice, where upper and lower case are the same') "
            "ELSE name END, 'VARCHAR', true FROM (SELECT name || CASE WHEN nth > 1 THEN '_' || "
            "(nth - 1) ELSE '' END AS name, place FROM (SELECT name, place, row_number() OVER "
            "(PARTITION BY name ORDER BY place) AS nth FROM "
            "(SELECT unnest(names) AS name, generate_subscripts(names, 1) AS place FROM "
            "(SELECT CASE WHEN count(other) > 0 THEN error('weft: its files differ in "
            "their columns, or in the order of these: column ' || arg_min(other, nth) || ' is ' || "
            "arg_min(coalesce(expected[other], 'none'), nth) FILTER (other > 0) || ' in ' || "
            "arg_min(file, nth) || ' and ' || arg_min(coalesce(names[other], 'none'), nth) FILTER "
            "(other > 0) || ' in ' || arg_min(file, nth) FILTER (other > 0)) WHEN count(*) < "));
    buf_format(b,
               "%zu THEN error('weft: a file is empty: it has not even a header') ELSE "
               "any_value(names) END AS names FROM (",
               table->files.len);
    source_add_headers(mem, b, server, table);
    buf_add(b, STR("))))) ORDER BY place"));
    return b->full ? STR_NONE : buf_str(b);
}

/* Where fields are many or rare, the engine takes all of them for the keys of one map. */
static const char SOURCE_NO_MAPS[] =
    ", map_inference_threshold = -1, field_appearance_threshold = 0";

static str source_json_describe(struct arena *mem, const struct source_server *server,
                                const struct source_table *table)
{
    struct buf *b = buf_new(mem, SOURCE_SQL_BYTES_MAX);

    buf_add(b,
            STR("SELECT column_name, column_type, true FROM (DESCRIBE SELECT * FROM read_json("));
    source_add_json_files(mem, b, server, table);
    buf_add(b, STR(", format = 'newline_delimited', auto_detect = true, maximum_depth = 1, "
                   "union_by_name = true"));
    buf_add(b, str_of(SOURCE_NO_MAPS));
    buf_add(b, STR("))"));
    return b->full ? STR_NONE : buf_str(b);
}

static void source_files_look(struct arena *mem, const struct source_server *server,
                              struct source_table *table)
{
    static const enum job_look_kind kinds[] = {
        [SOURCE_CSV] = JOB_LOOK_CSV,
        [SOURCE_NDJSON] = JOB_LOOK_JSON_LINES,
        [SOURCE_JSON] = JOB_LOOK_JSON_DOCUMENT,
        [SOURCE_PARQUET] = JOB_LOOK_PARQUET,
        [SOURCE_LOG] = JOB_LOOK_WHOLE,
    };

    for (size_t i = 0; i < table->files.len; i++) {
        vec_push(mem, &table->looks,
                 ((struct job_look){.file = table->files.at[i],
                                    .kind = kinds[server->file_format],
                                    .records = server->records}));
    }
}

static str source_files_describe(struct arena *mem, const struct source_server *server,
                                 const struct source_table *table)
{
    switch (server->file_format) {
    case SOURCE_CSV:
        return source_csv_describe(mem, server, table);
    case SOURCE_PARQUET:
        return source_parquet_describe(mem, table);
    case SOURCE_LOG:
        return source_log_describe(mem, server);
    default:
        return source_json_describe(mem, server, table);
    }
}

enum { WIDE_COLUMNS = 500 };

bool source_files_open(struct arena *mem, const struct contract *contract,
                       const struct source_server *server, const struct str_list *files,
                       struct source_plan *out, struct report *report)
{
    for (size_t i = 0; i < contract->tables.len; i++) {
        struct source_table *table = vec_add(mem, &out->tables);

        table->table = &contract->tables.at[i];
        /* Looking for expressions that are the same takes the square of their number. */
        if (table->table->columns.len > WIDE_COLUMNS && out->open.len == 0) {
            vec_push(mem, &out->open, STR("SET disabled_optimizers = 'common_subexpressions'"));
        }
        for (size_t j = 0; files != NULL && j < files[i].len; j++) {
            vec_push(mem, &table->files, files[i].at[j]);
        }
        source_files_look(mem, server, table);
        table->describe = source_files_describe(mem, server, table);
        if (table->describe.len == 0) {
            report_add(report, FINDING_ERROR, ERR_LIMIT, server->server->place,
                       "the source has too many files");
            return false;
        }
    }
    return true;
}

static void source_add_select(struct arena *mem, struct buf *b, const struct source_table *table,
                              bool is_csv, bool is_quick)
{
    const struct contract_table *contract = table->table;

    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < contract->columns.len; i++) {
        const struct contract_column *column = &contract->columns.at[i];

        buf_add(b, i ? STR(", ") : STR(""));
        if (is_quick && source_is_quick(column)) {
            buf_add_identifier(b, source_column_name(column));
        } else {
            source_add_value(mem, b, column, is_csv);
        }
        buf_add(b, STR(" AS "));
        buf_add_identifier(b, column->name);
    }
}

static void source_add_column(struct buf *b, size_t i, str name, str type)
{
    buf_add(b, i ? STR(", ") : STR(""));
    buf_add_literal(b, name);
    buf_add(b, STR(": "));
    buf_add_literal(b, type);
}

static void source_add_csv(struct arena *mem, struct buf *b, const struct source_server *server,
                           const struct source_table *table, const struct source_column *columns,
                           size_t len, bool is_typed)
{
    struct map by_name;

    source_map_contract(mem, table->table, &by_name);
    buf_add(b, STR(" FROM read_csv("));
    source_add_files(mem, b, &table->files);
    buf_add(b, STR(", auto_detect = false, columns = {"));
    /* A file is read in its own order of columns, all of them. */
    for (size_t i = 0; i < len; i++) {
        const struct contract_column *column = map_find(&by_name, columns[i].name);
        str type = column == NULL ? STR("VARCHAR") : source_read_type(mem, column, true);
        enum source_reading reading = column == NULL ? READ_CAST : source_reading(column, true);
        bool may_type = reading != READ_CAST && reading != READ_PATTERN && reading != READ_ZONED
                     && reading != READ_NESTED;

        source_add_column(b, i, columns[i].name, is_typed && may_type ? column->type : type);
    }
    buf_add(b, STR("}"));
    source_add_csv_options(b, server);
    buf_add(b, STR(")"));
}

/* Empty where a column is of a type that the engine's reader of CSV reads by itself, and that one alone. */
static str source_csv_quick(struct arena *mem, const struct source_server *server,
                            const struct source_table *table, const struct source_column *columns,
                            size_t len)
{
    struct buf *b = buf_new(mem, SOURCE_SQL_BYTES_MAX), *types = buf_new(mem, SOURCE_SQL_BYTES_MAX);
    struct csv_lines lines;
    struct map by_name;
    bool ok = csv_lines_begin(&lines, source_delimiter(server));

    source_map_contract(mem, table->table, &by_name);
    source_add_select(mem, b, table, true, true);
    buf_add(b, STR(" FROM weft_csv("));
    source_add_files(mem, b, &table->files);
    buf_add(b, STR(", "));
    buf_add_literal(b, source_delimiter(server));
    buf_add(b, STR(", ["));
    for (size_t i = 0; ok && i < len; i++) {
        const struct contract_column *column = map_find(&by_name, columns[i].name);
        bool is_quick = column != NULL && source_is_quick(column);

        ok = column == NULL || is_quick || source_reading(column, true) != READ_TYPED;
        buf_add(b, i ? STR(", ") : STR(""));
        buf_add_literal(b, columns[i].name);
        buf_add(types, i ? STR(", ") : STR(""));
        buf_add_literal(types, is_quick ? column->type : STR("VARCHAR"));
    }
    buf_format(b, "], [%.*s])", STR_ARG(buf_str(types)));
    return ok && !b->full && !types->full ? buf_str(b) : STR_NONE;
}

static void source_add_json(struct arena *mem, struct buf *b, const struct source_server *server,
                            const struct source_table *table)
{
    buf_add(b, STR(" FROM read_json("));
    source_add_json_files(mem, b, server, table);
    buf_add(b, STR(", auto_detect = false, format = 'newline_delimited', columns = {"));
    /* A field that no line of the sample had is read all the same: later lines may have it. */
    for (size_t i = 0; i < table->table->columns.len; i++) {
        const struct contract_column *column = &table->table->columns.at[i];

        source_add_column(b, i, source_column_name(column), source_read_type(mem, column, false));
    }
    buf_add(b, STR("})"));
}

/* The engine's reader says the line of what it cannot convert, and reading as text does not. */
static str source_csv_locate(struct arena *mem, const struct source_server *server,
                             const struct source_table *table, const struct source_column *columns,
                             size_t len)
{
    struct buf *b = buf_new(mem, SOURCE_SQL_BYTES_MAX);

    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < table->table->columns.len; i++) {
        buf_add(b, i ? STR(" + count(") : STR("count("));
        buf_add_identifier(b, source_column_name(&table->table->columns.at[i]));
        buf_add(b, STR(")"));
    }
    source_add_csv(mem, b, server, table, columns, len, true);
    return buf_str(b);
}

str source_files_from(struct arena *mem, const struct source_server *server,
                      const struct source_table *table, const struct source_column *columns,
                      size_t len)
{
    struct buf *b = buf_new(mem, SOURCE_SQL_BYTES_MAX);

    if (server->file_format == SOURCE_CSV) {
        source_add_csv(mem, b, server, table, columns, len, false);
        return str_from(buf_str(b), sizeof(" FROM ") - 1);
    }
    if (server->file_format == SOURCE_PARQUET) {
        buf_add(b, STR("read_parquet("));
        source_add_files(mem, b, &table->files);
        buf_add(b, STR(", hive_partitioning = false, union_by_name = true)"));
    } else {
        buf_add(b, STR("read_json("));
        source_add_json_files(mem, b, server, table);
        buf_add(b, STR(", format = 'newline_delimited', auto_detect = true, sample_size = -1, "
                       "maximum_depth = 8, union_by_name = true"));
        buf_add(b, server->has_many_fields ? str_of(SOURCE_NO_MAPS) : STR(""));
        buf_add(b, STR(")"));
    }
    return b->full ? STR_NONE : buf_str(b);
}

bool source_files_text(struct arena *mem, const struct source_server *server,
                       struct source_table *table, const struct source_column *columns, size_t len)
{
    struct buf *b = buf_new(mem, SOURCE_SQL_BYTES_MAX);
    bool is_csv = server->file_format == SOURCE_CSV;

    if (server->file_format == SOURCE_LOG) {
        source_log_text(mem, server, table);
        return table->text.len > 0;
    }
    source_add_select(mem, b, table, is_csv, false);
    if (is_csv) {
        source_add_csv(mem, b, server, table, columns, len, false);
        table->locate = source_csv_locate(mem, server, table, columns, len);
        table->quick = source_csv_quick(mem, server, table, columns, len);
    } else {
        source_add_json(mem, b, server, table);
    }
    table->text = b->full ? STR_NONE : buf_str(b);
    return !b->full;
}
