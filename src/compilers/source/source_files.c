#include "buf/buf.h"
#include "contract/contract_time.h"
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
            "(SELECT CASE WHEN count(DISTINCT names) > 1 THEN error('weft: its files differ in "
            "their columns, or in "
            "the order of these') WHEN count(*) < "));
    buf_format(b,
               "%zu THEN error('weft: a file is empty: it has not even a header') ELSE "
               "any_value(names) END AS names FROM (",
               table->files.len);
    for (size_t i = 0; i < table->files.len; i++) {
        buf_add(b, i ? STR(" UNION ALL (") : STR("("));
        source_add_header(mem, b, server, table->files.at[i]);
        buf_add(b, STR(")"));
    }
    buf_add(b, STR("))))) ORDER BY place"));
    return b->full ? STR_NONE : buf_str(b);
}

static str source_json_describe(struct arena *mem, const struct source_server *server,
                                const struct source_table *table)
{
    struct buf *b = buf_new(mem, SOURCE_SQL_BYTES_MAX);

    buf_add(b,
            STR("SELECT column_name, column_type, true FROM (DESCRIBE SELECT * FROM read_json("));
    source_add_json_files(mem, b, server, table);
    buf_add(b, STR(", format = 'newline_delimited', auto_detect = true, maximum_depth = 1, "
                   "union_by_name = true))"));
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

/* How a column is read, so that no value changes on the way: the engine's own readers round 1.7 to 2 and cut the time off a date. */
enum source_reading {
    READ_TYPED,   /* the reader takes what it is, or refuses */
    READ_CAST,    /* as text, then a cast that refuses what does not fit */
    READ_WHOLE,   /* as text that has to be a whole number */
    READ_DECIMAL, /* as text that has no more decimals than the type */
    READ_DATE,    /* as text without a time of the day */
    READ_TIME,    /* as text without an offset, and with no more digits than the type */
    READ_REAL,    /* as text that is within the range of the type */
    READ_NESTED, /* with texts for whole numbers, decimals, dates and times inside, compared with what wider types make of these */
    READ_PATTERN, /* as text, by logicalTypeOptions.format */
    READ_ZONED,   /* as text that is of logicalTypeOptions.defaultTimezone where it has no offset */
};

static bool source_is_among(str type, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (str_eq(type, str_of(*names))) {
            return true;
        }
    }
    return false;
}

static str source_option(const struct contract_column *column, const char *key)
{
    return tree_find_text(tree_find(column->source, STR("logicalTypeOptions")), str_of(key));
}

static bool source_is_time(const struct contract_column *column)
{
    static const char *const logical[] = {"date", "timestamp", "time", NULL};

    return source_is_among(column->logical_type, logical) && !str_eq(column->type, STR("VARCHAR"));
}

static bool source_is_whole(str type)
{
    static const char *const whole[] = {"TINYINT", "SMALLINT", "INTEGER",   "BIGINT",
                                        "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
                                        "UBIGINT", "UHUGEINT", NULL};

    return source_is_among(type, whole);
}

static bool source_is_nested(str type)
{
    return str_ends(type, STR("]")) || str_starts(type, STR("STRUCT("))
        || str_starts(type, STR("MAP("));
}

static bool source_is_rounded(str type)
{
    return source_is_whole(type) || str_starts(type, STR("DECIMAL(")) || str_eq(type, STR("DATE"))
        || str_eq(type, STR("TIMESTAMP"));
}

static str source_leaf_text(struct arena *mem, str type)
{
    bool is_misread = str_eq(type, STR("BOOLEAN")) || str_eq(type, STR("BIT"));

    (void)mem;
    return is_misread || source_is_rounded(type) ? STR("VARCHAR") : type;
}

static int64_t source_scale(str type);
static int64_t source_precision(str type);

/* What shows the parts that its type would round off, or drop. */
static str source_leaf_wide(struct arena *mem, str type)
{
    if (str_starts(type, STR("DECIMAL("))) {
        return arena_format(mem, "DECIMAL(38,%ld)",
                            38 - source_precision(type) + source_scale(type));
    }
    return source_is_whole(type)          ? STR("DOUBLE")
         : str_eq(type, STR("DATE"))      ? STR("TIMESTAMP")
         : str_eq(type, STR("TIMESTAMP")) ? STR("TIMESTAMP WITH TIME ZONE")
                                          : type;
}

static enum source_reading source_type_reading(str type, bool is_csv)
{
    static const char *const typed[] = {"BOOLEAN", "VARCHAR", "UUID", NULL};
    static const char *const times[] = {"TIME",
                                        "TIMESTAMP",
                                        "TIMESTAMP_S",
                                        "TIMESTAMP_MS",
                                        "TIMESTAMP_NS",
                                        "TIMESTAMP WITH TIME ZONE",
                                        NULL};
    static const char *const reals[] = {"FLOAT", "DOUBLE", NULL};
    /* Of JSON the reader takes 7 for true, knows no BIT, and says of the others neither line nor column. */
    static const char *const cast[] = {"BOOLEAN", "BIT", "UUID", "INTERVAL", NULL};

    if (source_is_whole(type)) {
        return READ_WHOLE;
    }
    if (source_is_nested(type)) {
        return READ_NESTED;
    }
    if (str_starts(type, STR("DECIMAL("))) {
        return READ_DECIMAL;
    }
    if (str_eq(type, STR("DATE"))) {
        return READ_DATE;
    }
    if (source_is_among(type, times)) {
        return READ_TIME;
    }
    if (source_is_among(type, reals)) {
        return READ_REAL;
    }
    bool is_typed = is_csv ? source_is_among(type, typed) : !source_is_among(type, cast);
    return is_typed ? READ_TYPED : READ_CAST;
}

static enum source_reading source_reading(const struct contract_column *column, bool is_csv)
{
    static const char *const universal[] = {"", "UTC", "Etc/UTC", NULL};

    if (source_is_time(column) && source_option(column, "format").len > 0) {
        return READ_PATTERN;
    }
    if (str_eq(column->type, STR("TIMESTAMP WITH TIME ZONE"))
        && !source_is_among(source_option(column, "defaultTimezone"), universal)) {
        return READ_ZONED;
    }
    return source_type_reading(column->type, is_csv);
}

/* Numbers of JSON keep their spelling as JSON alone; even so the engine holds those with a point as doubles, so that more than 15
 * digits of one are not to be trusted. */
static bool source_reads_json(enum source_reading reading, bool is_csv)
{
    return !is_csv && (reading == READ_WHOLE || reading == READ_DECIMAL);
}

static str source_read_type(struct arena *mem, const struct contract_column *column, bool is_csv)
{
    enum source_reading reading = source_reading(column, is_csv);

    if (reading == READ_NESTED && !is_csv) {
        return contract_type_replace(mem, column->type, source_leaf_text);
    }
    return source_reads_json(reading, is_csv) ? STR("JSON")
         : reading == READ_TYPED              ? column->type
                                              : STR("VARCHAR");
}

static int64_t source_precision(str type)
{
    str precision, scale;
    int64_t digits = 38;

    if (str_cut(type, ',', &precision, &scale)) {
        (void)str_to_i64(str_from(precision, sizeof("DECIMAL(") - 1), &digits);
    }
    return digits;
}

static int64_t source_scale(str type)
{
    str precision, scale;
    int64_t digits = 0;

    if (str_cut(type, ',', &precision, &scale)) {
        (void)str_to_i64(str_trim(str_sub(scale, 0, str_find(scale, STR(")")))), &digits);
    }
    return digits;
}

/* What nearly all values pass, at little cost: the cast itself refuses what is no number or time. */
static str source_quick_guard(struct arena *mem, enum source_reading reading, str type, str value)
{
    str no_power = arena_format(mem, "NOT contains(%.*s, 'e') AND NOT contains(%.*s, 'E')",
                                STR_ARG(value), STR_ARG(value));
    int64_t places = source_scale(type);

    switch (reading) {
    case READ_WHOLE:
        return arena_format(mem, "(NOT contains(%.*s, '.') AND %.*s)", STR_ARG(value),
                            STR_ARG(no_power));
    case READ_DECIMAL:
        return arena_format(
            mem, "((NOT contains(%.*s, '.') OR strlen(%.*s) - strpos(%.*s, '.') <= %lld) AND %.*s)",
            STR_ARG(value), STR_ARG(value), STR_ARG(value), (long long)places, STR_ARG(no_power));
    case READ_TIME:
        return source_quick_time_guard(mem, type, value);
    case READ_REAL: /* what is too large is infinite to the engine */
        return arena_format(mem,
                            "((strlen(%.*s) <= 30 AND %.*s) OR NOT isinf(TRY_CAST(%.*s AS %.*s)))",
                            STR_ARG(value), STR_ARG(no_power), STR_ARG(value), STR_ARG(type));
    default:
        return arena_format(mem, "NOT contains(%.*s, ':')", STR_ARG(value));
    }
}

/* The others, in full: zeros may follow, and midnight behind a date. */
static str source_guard(struct arena *mem, enum source_reading reading, str type)
{
    int64_t digits = source_scale(type);

    switch (reading) {
    case READ_WHOLE:
        return STR("' *[-+]?[0-9]+(\\.0*)? *'");
    case READ_DECIMAL:
        return arena_format(mem, "' *[-+]?([0-9]+(\\.[0-9]{0,%lld}0*)?|\\.[0-9]{1,%lld}0*) *'",
                            (long long)digits, (long long)(digits > 0 ? digits : 1));
    case READ_TIME:
        return source_time_guard(mem, type);
    case READ_REAL:
        return STR("'(?i) *[-+]?inf(inity)? *'");
    default:
        return STR("'.*[ T]00:00(:00(\\.0*)?)?'");
    }
}

static str source_value_message(struct arena *mem, const struct contract_column *column)
{
    bool is_time = source_type_reading(column->type, true) == READ_TIME;

    return arena_format(mem, "weft: column %.*s: a value is no %.*s%s",
                        STR_ARG(source_column_name(column)), STR_ARG(column->type),
                        !is_time                             ? ""
                        : source_is_zoned_type(column->type) ? ", or has more digits"
                                                             : ", or has an offset or more digits");
}

/* An error that names the column, where the cast would not. */
static str source_refusal(struct arena *mem, const struct contract_column *column)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX);

    buf_add(b, STR("error("));
    buf_add_literal(b, source_value_message(mem, column));
    buf_add(b, STR(")"));
    return buf_str(b);
}

static void source_add_case(struct arena *mem, struct buf *b, const struct contract_column *column,
                            str value, str also, str refusal)
{
    enum source_reading reading = source_type_reading(column->type, true);

    buf_format(b, "CASE WHEN (%.*s OR regexp_full_match(%.*s, %.*s))%.*s",
               STR_ARG(source_quick_guard(mem, reading, column->type, value)), STR_ARG(value),
               STR_ARG(source_guard(mem, reading, column->type)), STR_ARG(also));
    buf_format(b,
               " THEN coalesce(TRY_CAST(%.*s AS %.*s), %.*s) WHEN %.*s IS NULL THEN NULL ELSE %.*s "
               "END",
               STR_ARG(value), STR_ARG(column->type), STR_ARG(refusal), STR_ARG(value),
               STR_ARG(refusal));
}

static void source_add_refusing(struct arena *mem, struct buf *b,
                                const struct contract_column *column, str value, str refusal)
{
    switch (source_type_reading(column->type, true)) {
    case READ_WHOLE:
    case READ_DECIMAL:
    case READ_DATE:
    case READ_TIME:
    case READ_REAL:
        source_add_case(mem, b, column, value, STR_NONE, refusal);
        break;
    default:
        /* Any value is a text; and inside of what is nested, to try would make nulls of what is wrong. */
        if (str_eq(column->type, STR("VARCHAR")) || source_is_nested(column->type)) {
            buf_format(b, "CAST(%.*s AS %.*s)", STR_ARG(value), STR_ARG(column->type));
            break;
        }
        buf_format(b, "CASE WHEN %.*s IS NOT NULL THEN coalesce(TRY_CAST(%.*s AS %.*s), %.*s) END",
                   STR_ARG(value), STR_ARG(value), STR_ARG(column->type), STR_ARG(refusal));
    }
}

void source_add_guarded(struct arena *mem, struct buf *b, const struct contract_column *column,
                        str value)
{
    source_add_refusing(mem, b, column, value, source_refusal(mem, column));
}

static void source_add_number_of_json(struct arena *mem, struct buf *b,
                                      const struct contract_column *column, str name)
{
    str value = arena_format(mem, "(%.*s ->> '$')", STR_ARG(name));
    str also = arena_format(mem,
                            " AND (starts_with(%.*s::VARCHAR, '\"') OR NOT contains(%.*s::VARCHAR, "
                            "'.') OR strlen(%.*s::VARCHAR) <= 16)",
                            STR_ARG(name), STR_ARG(name), STR_ARG(name));

    source_add_case(mem, b, column, value, also, source_refusal(mem, column));
}

/* Casts round inside of lists and structs as they do outside, and no pattern can be held against what is nested. */
static void source_add_nested(struct arena *mem, struct buf *b,
                              const struct contract_column *column, str name, str refusal)
{
    str text = contract_type_replace(mem, column->type, source_leaf_text);
    str wide = contract_type_replace(mem, column->type, source_leaf_wide);

    if (str_eq(text, column->type)) {
        buf_format(b, "CAST(%.*s AS %.*s)", STR_ARG(name), STR_ARG(column->type));
        return;
    }
    str read = arena_format(mem, "CAST(%.*s AS %.*s)", STR_ARG(name), STR_ARG(text));
    str cast = arena_format(mem, "CAST(%.*s AS %.*s)", STR_ARG(read), STR_ARG(column->type));
    buf_format(b,
               "CASE WHEN CAST(%.*s AS %.*s) IS NOT DISTINCT FROM CAST(%.*s AS %.*s) THEN %.*s "
               "ELSE %.*s END",
               STR_ARG(cast), STR_ARG(wide), STR_ARG(read), STR_ARG(wide), STR_ARG(cast),
               STR_ARG(refusal));
}

void source_add_exact(struct arena *mem, struct buf *b, const struct contract_column *column,
                      str value)
{
    struct buf *refusal = buf_new(mem, SQL_BYTES_MAX);

    buf_add(refusal, STR("error("));
    buf_add_literal(refusal, arena_format(mem, "column %.*s: ", STR_ARG(column->name)));
    buf_format(refusal, " || CAST(%.*s AS VARCHAR) || ", STR_ARG(value));
    buf_add_literal(refusal, arena_format(mem, " is no %.*s", STR_ARG(column->type)));
    buf_add(refusal, STR(")"));
    if (source_type_reading(column->type, true) == READ_NESTED) {
        source_add_nested(mem, b, column, value, buf_str(refusal));
    } else {
        source_add_refusing(mem, b, column, value, buf_str(refusal));
    }
}

/* A moment without an offset is one of the column's own zone. */
static str source_zoned(struct arena *mem, const struct contract_column *column, str moment)
{
    str zone = source_option(column, "defaultTimezone");
    struct buf *b = buf_new(mem, PATH_BYTES_MAX * 2);

    if (zone.len == 0 || !str_eq(column->type, STR("TIMESTAMP WITH TIME ZONE"))) {
        return moment;
    }
    buf_add(b, STR("timezone("));
    buf_add_literal(b, zone);
    buf_format(b, ", CAST(%.*s AS TIMESTAMP))", STR_ARG(moment));
    return buf_str(b);
}

/* By the letters of its format; what is spelled otherwise stops the extraction. */
static void source_add_pattern(struct arena *mem, struct buf *b,
                               const struct contract_column *column)
{
    str format = source_option(column, "format"), problem, moment;
    struct buf *name = buf_new(mem, PATH_BYTES_MAX), *read = buf_new(mem, PATH_BYTES_MAX * 2);
    struct contract_time_pattern pattern;

    buf_add_identifier(name, source_column_name(column));
    if (!contract_time_pattern(mem, format, &pattern, &problem)) {
        buf_add(b, buf_str(name)); /* a finding of the contract */
        return;
    }
    buf_format(read, "try_strptime(regexp_replace(%.*s, '%s', '+00:00'), ", STR_ARG(buf_str(name)),
               pattern.has_offset ? "Z$" : "^$");
    buf_add_literal(read, pattern.strptime);
    buf_add(read, STR(")"));
    moment = pattern.has_offset ? buf_str(read) : source_zoned(mem, column, buf_str(read));
    buf_format(b, "CASE WHEN %.*s IS NULL THEN NULL WHEN regexp_matches(%.*s, ",
               STR_ARG(buf_str(name)), STR_ARG(buf_str(name)));
    buf_add_literal(b, pattern.regex);
    buf_format(b, ") AND %.*s IS NOT NULL THEN CAST(%.*s AS %.*s) ELSE error(",
               STR_ARG(buf_str(read)), STR_ARG(moment), STR_ARG(column->type));
    buf_add_literal(b, arena_format(mem, "weft: column %.*s: a value is not spelled %.*s",
                                    STR_ARG(source_column_name(column)), STR_ARG(format)));
    buf_add(b, STR(") END"));
}

static void source_add_zoned(struct arena *mem, struct buf *b, const struct contract_column *column)
{
    struct buf *name = buf_new(mem, PATH_BYTES_MAX);

    buf_add_identifier(name, source_column_name(column));
    buf_format(
        b,
        "CASE WHEN regexp_matches(%.*s, ':[0-9]{2}(\\.[0-9]+)? *(Z|[+-][0-9]{2}(:?[0-9]{2})?)$') "
        "THEN CAST(%.*s AS TIMESTAMP WITH TIME ZONE) ELSE %.*s END",
        STR_ARG(buf_str(name)), STR_ARG(buf_str(name)),
        STR_ARG(source_zoned(mem, column, buf_str(name))));
}

static void source_add_value(struct arena *mem, struct buf *b, const struct contract_column *column,
                             bool is_csv)
{
    enum source_reading reading = source_reading(column, is_csv);
    struct buf *quoted = buf_new(mem, PATH_BYTES_MAX);

    buf_add_identifier(quoted, source_column_name(column));
    str name = buf_str(quoted);
    if (reading == READ_TYPED) {
        buf_add(b, name);
    } else if (reading == READ_PATTERN) {
        source_add_pattern(mem, b, column);
    } else if (reading == READ_ZONED) {
        source_add_zoned(mem, b, column);
    } else if (reading == READ_NESTED) {
        source_add_nested(mem, b, column, name, source_refusal(mem, column));
    } else if (source_reads_json(reading, is_csv)) {
        source_add_number_of_json(mem, b, column, name);
    } else {
        source_add_guarded(mem, b, column, name);
    }
}

/* What the reader of plain CSV gives as a value of its type; the others it gives as text. */
static bool source_is_quick(const struct contract_column *column)
{
    enum source_reading reading = source_reading(column, true);
    struct csv_type type;

    return (reading == READ_TYPED || reading == READ_WHOLE || reading == READ_DECIMAL
            || reading == READ_DATE || reading == READ_TIME || reading == READ_REAL)
        && csv_type_read(column->type, &type);
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
                       "maximum_depth = 8, union_by_name = true)"));
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
